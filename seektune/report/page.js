// Draws every plot of the page from the JSON beside it, in the page's own colours, and again when light turns to dark.
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const touch = window.matchMedia("(pointer: coarse)").matches;  // there a drag scrolls the page
  const config = { responsive: true, displayModeBar: false };
  const axis = (c, given) => Object.assign({ gridcolor: c.grid, linecolor: c.grid, tickfont: { size: 12 } }, given, {
    title: Object.assign({ font: { size: 13, color: c.soft } }, given && given.title),
  });
  function colours() {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(name).trim();
    return { text: read("--text"), soft: read("--soft"), grid: read("--grid"), card: read("--card"), line: read("--line") };
  }
  function draw(plot) {
    const spec = JSON.parse(document.getElementById(plot.dataset.spec).textContent);
    const c = colours();
    const layout = Object.assign({}, spec.layout, {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: true, dragmode: touch ? false : "zoom",
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: c.text },
      hoverlabel: { bgcolor: c.card, bordercolor: c.line, font: { color: c.text }, align: "left" },
      xaxis: axis(c, spec.layout.xaxis), yaxis: axis(c, spec.layout.yaxis),
      annotations: (spec.layout.annotations || []).map((one) => Object.assign({ bgcolor: c.card, borderpad: 1 }, one)),
    });
    Plotly.react(plot, spec.data, layout, config);
  }
  const all = () => document.querySelectorAll(".plot").forEach(draw);
  all();
  dark.addEventListener("change", all);
})();
