"""Stage: which learning rates can be used? One ramp per seed, then three short runs that check the answer.

Each ramp starts from fresh weights at the study's true effective batch, with everything else at its default; the loss
is read on a fixed probe of train rows after every step (see study/lr_curve.py). The answer is a soft prior for the
search, never a clip. When there is no usable range it says so and the study's own range stands.
"""

from __future__ import annotations

from collections.abc import Generator

from seektune.ledger.results import PrepareResult, RangePoint, RangeResult
from seektune.study.context import Context, gave_up
from seektune.study.lr_curve import RISE_SHARE, Reading, Verdict, judge, read_curve
from seektune.study.stage import Round
from seektune.trial import Evaluate, Json, Params, Result, Segment, State

PRIOR_DECADES = 0.4
WIDE_PRIOR_DECADES = 0.6
"""Where the curve never turned up: its upper end is a guess."""
LONG_RUN = 5
LONG_RUN_SHIFT = 10**-0.3
"""A run more than five times longer than the ramp wants a learning rate 0.3 decades lower (METHOD)."""
PROBE_FACTORS = (1 / 3, 1.0, 3.0)
PROBE_SHARE = 0.25
"""Length of a confirming run, as a share of the full run: it must not cost more than the ramps."""


def ramp_segment(context: Context, prepared: PrepareResult, default: Params, repeat: int) -> Segment:
    """One exponential ramp as an ordinary segment whose schedule is the ramp."""
    options = context.study.stages.lr_range
    assert options is not None
    params = {
        **default,
        "schedule": "ramp",
        "learning_rate": options.high,
        "ramp_ratio": options.high / options.low,
        "warmup_ratio": 0.0,
    }
    batch = int(default.get("effective_batch", 16))
    tokens_per_step = batch * prepared.tokens_per_row
    horizon = round(options.steps * tokens_per_step)
    return Segment(
        trial=f"ramp-{repeat}",
        params=params,
        seed=context.seed("lr_range", repeat),
        from_tokens=0,
        to_tokens=horizon,
        horizon_tokens=horizon,
        evaluate=Evaluate(
            split="probe",
            every_steps=1,
            rows=options.probe_rows,
            averaged=False,
            rise_fraction=RISE_SHARE,
            rise_patience=5,
        ),
        keep=False,
    )


def read(result: Result) -> tuple[Reading | None, list[RangePoint]]:
    """A ramp's curve and what it says."""
    points = [point for point in result.curve if point.learning_rate > 0]
    reading = read_curve([p.learning_rate for p in points], [p.metrics["loss"] for p in points])
    smoothed = reading.smoothed if reading else tuple(p.metrics["loss"] for p in points)
    return reading, [
        RangePoint(learning_rate=p.learning_rate, loss=p.metrics["loss"], smoothed=s)
        for p, s in zip(points, smoothed, strict=False)
    ]


def lr_range(context: Context) -> Generator[Round, tuple[Result, ...], Json]:
    """RangeResult."""
    options = context.study.stages.lr_range
    assert options is not None
    prepared = context.prepared
    default = context.default()
    trainer = context.trainer()

    segments = tuple(ramp_segment(context, prepared, default, repeat) for repeat in range(options.seeds))
    results = yield Round(trainer, segments, {segment.trial: "ramp" for segment in segments})
    readings, curves = zip(*(read(result) for result in results), strict=True)
    ended = next((result.reason for result in results if gave_up(result)), "")
    verdict = Verdict(False, ended) if ended else judge(readings)

    probes: list[tuple[float, float | None]] = []
    suggestion = verdict.suggestion
    reason = verdict.reason
    if suggestion is not None and prepared.horizon_tokens > LONG_RUN * segments[0].to_tokens:
        shifted = suggestion * LONG_RUN_SHIFT
        reason += (
            f"; a full run is much longer than the ramp, so the suggestion moves from {suggestion:.2g} to {shifted:.2g}"
        )
        suggestion = shifted
    if verdict.usable and suggestion is not None and options.probes:
        horizon = prepared.horizon_tokens
        probe_segments = tuple(
            Segment(
                trial=f"probe-{factor:.2g}x",
                params={**default, "learning_rate": suggestion * factor},
                seed=context.seed("lr_range", "probe"),
                from_tokens=0,
                to_tokens=max(1, round(horizon * PROBE_SHARE)),
                horizon_tokens=horizon,
                evaluate=Evaluate(rows=context.study.train.eval_rows),
                keep=False,
            )
            for factor in PROBE_FACTORS
        )
        answers = yield Round(trainer, probe_segments, {segment.trial: "probe" for segment in probe_segments})
        scored = [
            (float(segment.params["learning_rate"]), context.minimised(answer.metrics), answer.state)
            for segment, answer in zip(probe_segments, answers, strict=True)
        ]
        probes = [
            (rate, None if state is State.DIVERGED or value is None else context.shown(value))
            for rate, value, state in scored
        ]
        finite = [(value, rate) for rate, value, state in scored if value is not None and state is not State.DIVERGED]
        if ended := next((answer.reason for answer in answers if gave_up(answer)), ""):
            probes = []  # of other lengths, or none
            reason += f"; the short runs were cut off ({ended})"
        elif finite:
            best_rate = min(finite)[1]
            if best_rate != suggestion:
                # Half-way in log LR: a short run's favourite and the ramp's own answer are both evidence.
                moved = (best_rate * suggestion) ** 0.5
                reason += (
                    f"; short runs prefer {best_rate:.2g}, so the suggestion moves from {suggestion:.2g} to {moved:.2g}"
                )
                suggestion = moved
            else:
                reason += "; the short runs agree"
    return RangeResult(
        usable=verdict.usable,
        reason=reason,
        low=verdict.low,
        high=verdict.high,
        suggestion=suggestion,
        prior_decades=WIDE_PRIOR_DECADES if verdict.usable and verdict.high is None else PRIOR_DECADES,
        spread_decades=verdict.spread_decades,
        curves=[list(curve) for curve in curves],
        probes=probes,
        default_learning_rate=float(default["learning_rate"]),
    ).model_dump(mode="json")
