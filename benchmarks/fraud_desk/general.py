"""General text for pre-training a small base: everyday English and Chinese from a grammar of this project's own.

A line is a paragraph of one topic. Word order, topic and words vary; nothing is copied from anywhere. Some lines are
short notes and comparisons of figures, so that a base knows lists, sizes and trade words before it meets a desk.
"""

from __future__ import annotations

import re
from random import Random

from benchmarks.fraud_desk.desk import AMOUNTS, INTENTS
from benchmarks.fraud_desk.jargon import JARGON
from benchmarks.fraud_desk.messages import amount
from benchmarks.fraud_desk.phrases import CHANNEL

SLOTS: dict[str, dict[str, str]] = {
    "en": {
        "who": "my neighbour|the baker|an old teacher|the night guard|her cousin|a tall sailor|the clerk|"
        "our driver|the young nurse|a gardener|the painter|his aunt|the librarian|a farmer|two students|"
        "the carpenter|the customer|a retired judge|the cook|my brother|the shop owner|a quiet tourist",
        "did": "bought|carried|repaired|lost|found|painted|sold|returned|opened|wrapped|counted|forgot|cleaned|hid|"
        "borrowed|ordered|measured|paid for|collected|described|wanted|refused",
        "thing": "a red lamp|the wooden box|three letters|a second-hand bicycle|the blue kettle|a pair of boots|"
        "the map|a silver watch|seven apples|the parcel|an umbrella|a bag of flour|the old radio|"
        "a new card|the phone|a ticket|the heavy suitcase|a loaf of bread|some paper|the invoice|a coat|"
        "the broken chair",
        "place": "the station|the market|a small harbour|the library|the hill|the bank|a narrow street|the school|"
        "the kitchen|the post office|a village in the north|the bridge|the garden|the office|"
        "a foreign town|the counter|the museum|the airport|the back yard|a workshop",
        "when": "yesterday|last week|in the morning|after lunch|before the rain|on Monday|at night|in spring|"
        "two days ago|at the end of the month|during the holiday|shortly before noon|last year|"
        "on a cold evening",
        "why": "the old one was broken|the price was fair|nobody else had time|it looked like rain|"
        "the road was closed|a friend had asked|the shop closes early|there was no other way|"
        "the letter said so|the figures did not agree|the train was late|everyone was hungry",
        "how": "quickly|with great care|without a word|in two hours|by mistake|with a smile|for the third time|"
        "alone|together with a friend|in the dark|by hand|in good order|once again",
        "weather": "wind|rain|snow|fog|sunshine|a light frost|a warm breeze|thunder",
        "food": "soup|rice|noodles|bread|fish|beans|dumplings|cabbage|pancakes|lentils",
        "adjective": "small|quiet|bright|heavy|clean|cheap|famous|strange|useful|green|simple|careful|honest|slow|"
        "early",
        "topic": "birds|rivers|old coins|clocks|bridges|tea|maps|ships|stars|insurance|languages|machines|bees|music",
        "colour": "red|blue|green|grey|white|yellow|brown|black",
    },
    "zh": {
        "who": "邻居|面包师|老教师|夜班保安|她的表姐|高个子水手|职员|司机|年轻护士|园丁|画家|他的姑妈|图书管理员|"
        "农夫|两个学生|木匠|客户|退休法官|厨师|我哥哥|店主|一位游客",
        "did": "买了|搬走了|修好了|丢了|找到了|画了|卖掉了|退回了|打开了|包好了|数了数|忘记了|擦干净了|藏起了|"
        "借来了|订了|量了量|付了|收下了|想要|拒绝了",
        "thing": "一盏红灯|木箱子|三封信|一辆旧自行车|蓝色水壶|一双靴子|地图|一块银表|七个苹果|包裹|一把雨伞|"
        "一袋面粉|旧收音机|一张新卡|手机|一张车票|沉重的行李|一条面包|几张纸|发票|一件大衣|坏椅子",
        "place": "车站|市场|小港口|图书馆|山坡上|银行|窄巷里|学校|厨房|邮局|北方的村子|桥边|花园|办公室|国外的小城|"
        "柜台|博物馆|机场|后院|作坊",
        "when": "昨天|上周|早上|午饭后|下雨之前|星期一|夜里|春天|两天前|月底|假期里|快到中午时|去年|一个寒冷的晚上",
        "why": "旧的坏了|价格公道|别人都没空|看样子要下雨|路被封了|朋友托付过|店铺关门早|没有别的办法|信上这么说|"
        "数目对不上|火车晚点|大家都饿了",
        "how": "很快地|小心地|一声不响地|花了两个小时|不小心|笑着|第三次|独自|和朋友一起|在黑暗中|亲手|有条不紊地|"
        "又一次",
        "weather": "刮风|下雨|下雪|起雾|出太阳|有点霜冻|暖风吹来|打雷",
        "food": "汤|米饭|面条|面包|鱼|豆子|饺子|白菜|煎饼|扁豆",
        "adjective": "小|安静|明亮|沉|干净|便宜|有名|奇怪|有用|绿|简单|仔细|诚实|慢|早",
        "topic": "鸟|河流|古钱币|钟表|桥梁|茶|地图|船|星星|保险|语言|机器|蜜蜂|音乐",
        "colour": "红色|蓝色|绿色|灰色|白色|黄色|棕色|黑色",
    },
}
SENTENCES: dict[str, list[str]] = {
    "en": [
        "{When}, {who} {did} {thing} at {place}.",
        "{Who} {did} {thing} {how}, because {why}.",
        "At {place} there was {weather}, so {who} stayed inside and read about {topic}.",
        "{Who} told me {when} that {who} {did} {thing}.",
        "Why did you leave {thing} near {place}? Because {why}.",
        "We cook {food} with {food} when there is {weather}.",
        "It was a {adjective} and {adjective} day, and {who} walked to {place} {how}.",
        "In a book about {topic}, {who} wrote that {place} had been {adjective} once.",
        "If {why}, then {who} must wait at {place}.",
        "{Who} never liked {food}, but {when} everything changed.",
        "Please bring {thing} to {place}; {who} will thank you.",
        "The difference between {topic} and {topic} is {adjective}, said {who}.",
        "{Thing} cost {n} pounds, and {who} paid {n} pounds for {thing}.",
        "{Who} called {who} on the phone {when} and asked for {thing}.",
        "Nobody at {place} knew who {did} {thing}; perhaps it was {who}.",
    ],
    "zh": [
        "{when}，{who}在{place}{did}{thing}。",
        "{who}{how}{did}{thing}，因为{why}。",
        "{place}那边{weather}，所以{who}留在屋里看关于{topic}的书。",
        "{who}{when}告诉我，{who}{did}{thing}。",
        "你为什么把{thing}放在{place}？因为{why}。",
        "{weather}的时候，我们用{food}配{food}。",
        "那天很{adjective}也很{adjective}，{who}{how}走到{place}。",
        "在一本讲{topic}的书里，{who}写道{place}以前很{adjective}。",
        "如果{why}，{who}就得在{place}等。",
        "{who}从来不喜欢{food}，可是{when}一切都变了。",
        "请把{thing}带到{place}，{who}会感谢你。",
        "{who}说，{topic}和{topic}的差别很{adjective}。",
        "{thing}要{n}元，{who}为{thing}付了{n}块钱。",
        "{who}{when}给{who}打电话，想要{thing}。",
        "{place}没有人知道是谁{did}{thing}，也许是{who}。",
    ],
}
# A sentence and a note on it: a base learns to look things up, and what sizes, places and trade words mean.
NOTES = {
    "en": [
        ("{when}, {who} {did} {thing} at {place}.", "who={who}; thing={thing}; place={place}"),
        ("{who} and a {adjective} guest spoke of {topic}.", "topic={topic}; who={who}; guest={adjective}"),
        ("{who} {did} {thing}. {sum} {way}", "amount={size}; way={channel}"),
        ("{when} {who} was {adjective}. {way} {sum}", "way={channel}; amount={size}"),
        ("{thing} is {colour}. {sum}", "amount={size}; colour={colour}"),
        ("{who} {did} {thing} and spoke of {jargon}.", "about={concept}; thing={thing}"),
        ("{when}, {who} read on {jargon}. {way} {sum}", "about={concept}; amount={size}; way={channel}"),
        ("{sum} {jargon}, said {who}.", "about={concept}; amount={size}"),
    ],
    "zh": [
        ("{when}，{who}在{place}{did}{thing}。", "who={who}; thing={thing}; place={place}"),
        ("{who}和一位{adjective}的客人谈到{topic}。", "topic={topic}; who={who}; guest={adjective}"),
        ("{who}{did}{thing}。{sum}{way}", "amount={size}; way={channel}"),
        ("{when}{who}很{adjective}。{way}{sum}", "way={channel}; amount={size}"),
        ("{thing}是{colour}的。{sum}", "amount={size}; colour={colour}"),
        ("{who}{did}{thing}，说到{jargon}。", "about={concept}; thing={thing}"),
        ("{when}，{who}读到{jargon}。{way}{sum}", "about={concept}; amount={size}; way={channel}"),
        ("{sum}{who}说，{jargon}。", "about={concept}; amount={size}"),
    ],
}
GLOSSARY = (*INTENTS * 4, *(concept for concept in JARGON if concept not in INTENTS))
SIZES = {
    "en": ["{a} is less than {b}.", "{b} is more than {a}.", "First {a}, then {b}.", "Between {a} and {b} lies {m}."],
    "zh": ["{a}比{b}小。", "{b}比{a}大。", "先是{a}，然后是{b}。", "{m}在{a}和{b}之间。"],
}


def fill(pattern: str, language: str, rng: Random) -> str:
    def word(match: re.Match[str]) -> str:
        name = match[1]
        if name == "n":
            return str(rng.randrange(2, 10 ** rng.randrange(2, 5)))
        chosen = rng.choice(SLOTS[language][name.lower()].split("|"))
        return chosen[0].upper() + chosen[1:] if name[0].isupper() else chosen

    return re.sub(r"\{(\w+)\}", word, pattern)


def note(language: str, rng: Random) -> str:
    said, noted = rng.choice(NOTES[language])
    words = {name: rng.choice(options.split("|")) for name, options in SLOTS[language].items()}
    words["size"], words["channel"] = rng.choice(AMOUNTS), rng.choice(tuple(CHANNEL))
    words["sum"], words["way"] = amount(words["size"], language, rng), rng.choice(CHANNEL[words["channel"]][language])
    words["concept"] = rng.choice(GLOSSARY)
    words["jargon"] = rng.choice(JARGON[words["concept"]][language])
    return f"{said.format(**words)}\n{noted.format(**words)}"


def sizes(language: str, rng: Random) -> str:
    a, m, b = sorted(rng.randrange(2, 10 ** rng.randrange(2, 5)) for _ in range(3))
    return rng.choice(SIZES[language]).format(a=a, m=m, b=b)


def paragraph(language: str, rng: Random) -> str:
    space = " " if language == "en" else ""
    kind = rng.random()
    if kind < 0.5:
        return note(language, rng)
    if kind < 0.6:
        return space.join(sizes(language, rng) for _ in range(rng.randrange(2, 6)))
    return space.join(fill(rng.choice(SENTENCES[language]), language, rng) for _ in range(rng.randrange(2, 6)))


def text(seed: int, size_bytes: int) -> str:
    """Lines of both languages, mixed, about half of the bytes each."""
    rng = Random(seed)
    lines: list[str] = []
    written = {"en": 0, "zh": 0}
    while sum(written.values()) < size_bytes:
        language = "en" if written["en"] <= written["zh"] else "zh"
        lines.append(paragraph(language, rng) + "\n")
        written[language] += len(lines[-1].encode())
    return "".join(lines)
