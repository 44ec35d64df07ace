"""The phrases that say each fact of a case, and the names of invented shops and people. Written for this project.

The phrases of two facts never coincide, so that the facts can be read from the text: that is what makes the irreducible
loss of desk.py exact. A core phrase has the slots {j} (a variant of the intent's jargon) and {m} (a shop).
"""

from __future__ import annotations


def pool(text: str) -> list[str]:
    """Phrases between bars; "" is a phrase, too."""
    return text.split("|")


CORE = {
    "cnp": {
        "en": pool(
            "{m} shows a {j} charge, not mine.|{j} order at {m}, I have my card.|Report of {j}, shop {m}.|"
            "I never bought at {m}, {j}.|{j} use at {m}."
        ),
        "zh": pool(
            "{m}有一笔{j}，不是我。|卡在我手里，{m}{j}。|{m}{j}，我没买过。|我要报{j}，商户{m}。|"
            "有人用卡号在{m}下单，{j}。"
        ),
    },
    "stolen": {
        "en": pool(
            "{j}, then used at {m}.|My bag is gone, {j}, seen at {m}.|The thief went to {m}, {j}.|"
            "{j} near {m}.|Wallet taken, {j}, {m} took it."
        ),
        "zh": pool("{j}，在{m}被用。|钱包没了，{j}，{m}。|我要挂失，{j}，{m}。|{j}，小偷在{m}。|包被拿走，{j}，{m}。"),
    },
    "skimming": {
        "en": pool(
            "I think {j} at {m}.|The terminal of {m} is odd, {j}.|{j} after I paid {m}.|"
            "Police spoke of {j} at {m}.|A copy of my card, {j}, from {m}."
        ),
        "zh": pool("我怀疑{m}有{j}。|{m}机器很怪，{j}。|在{m}付款后{j}。|警察说{m}有{j}。|有人做了我的卡，{j}，{m}。"),
    },
    "takeover": {
        "en": pool(
            "{j}, my email was changed, {m} got paid.|I cannot log in, {j}, payee {m}.|"
            "Somebody is in my profile, {j}, {m}.|New device, {j}, money to {m}.|{j}, they bought from {m}."
        ),
        "zh": pool(
            "{j}，邮箱被改，{m}收款。|登不上去，{j}，{m}。|有人进了网银，{j}，{m}。|新设备，{j}，钱去{m}。|"
            "请查{j}，他们在{m}买。"
        ),
    },
    "phishing": {
        "en": pool(
            "I got a {j} from {m}.|A {j} about my parcel, {m}.|Is this {j}? It says {m}.|"
            "I opened a {j}, {m}.|Logo of {m}, surely {j}."
        ),
        "zh": pool("收到{j}，说是{m}。|{j}说{m}包裹。|这是{j}吗？{m}。|我点开了{j}，{m}。|{m}标志，肯定{j}。"),
    },
    "scam": {
        "en": pool(
            "I sent the money myself, {j}, to {m}.|A man talked me into it, {j}, {m}.|"
            "{j}, told to move funds to {m}.|Fake invoice of {m}, {j}.|I was tricked, {j}, paid {m}."
        ),
        "zh": pool(
            "我自己转给{m}，{j}。|对方说服我，{j}，{m}。|{j}，让我汇给{m}。|{m}发票是假的，{j}。|我被骗，{j}，付给{m}。"
        ),
    },
    "dispute": {
        "en": pool(
            "{m} never delivered, {j}.|Broken goods from {m}, {j} please.|{m} charged twice, {j}.|"
            "I cancelled with {m}, {j}.|File a {j} against {m}."
        ),
        "zh": pool("{m}没发货，{j}。|{m}东西坏了，{j}。|{m}扣了两次，{j}。|在{m}取消了，{j}。|对{m}怎么办{j}？"),
    },
    "decline": {
        "en": pool(
            "I was paying {m}, {j}.|My own order at {m} was stopped, {j}.|{j} at {m}, it was me.|"
            "You refused {m}, {j}.|Please fix a {j}, I need {m}."
        ),
        "zh": pool(
            "在{m}付款被{j}。|我的订单被停，{j}，{m}。|{m}{j}，是我本人。|余额够，{m}{j}。|请解除{j}，要付{m}。"
        ),
    },
}
AMOUNT = {
    "en": pool("It is {a}.|Sum {a}.|About {a}.|{a} in total.|For {a}."),
    "zh": pool("金额{a}。|一共{a}。|涉及{a}。|总共{a}。|数目是{a}。"),
}
NO_AMOUNT = {
    "en": pool("No money lost.|Nothing was taken.|No loss so far."),
    "zh": pool("暂无损失。|还没丢钱。|没有扣款。"),
}
# A sum is "{digit}{unit}" in words, or figures with as many digits as the unit's place.
DIGITS = {
    "en": pool("one|two|three|four|five|six|seven|eight|nine"),
    "zh": pool("一|两|三|四|五|六|七|八|九"),
}
TENS = {
    "en": pool("ten|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"),
    "zh": pool("十|二十|三十|四十|五十|六十|七十|八十|九十"),
}
UNITS = {
    "en": {"tens": "", "hundreds": " hundred", "thousands": " thousand"},
    "zh": {"tens": "", "hundreds": "百", "thousands": "千"},
}
MONEY = {
    "en": pool("{} pounds|{} dollars|{} euros"),
    "zh": pool("{}元|{}块|{}块钱"),
}
CHANNEL = {
    "shop": {
        "en": pool("In a shop.|At a counter.|On a till."),
        "zh": pool("在实体店。|在柜台。|在收银台。"),
    },
    "web": {
        "en": pool("On a website.|Over the web.|In a browser."),
        "zh": pool("在网站上。|通过网页。|用浏览器。"),
    },
    "phone": {
        "en": pool("Over the phone.|On a call.|They rang me."),
        "zh": pool("通过电话。|打电话时。|对方来电。"),
    },
    "abroad": {
        "en": pool("From abroad.|In a foreign country.|Overseas."),
        "zh": pool("在国外。|在境外。|海外发生。"),
    },
}
HISTORY = {
    "unstated": {
        "en": pool(""),
        "zh": pool(""),
    },
    "loyal": {
        "en": pool("Loyal customer for years.|Never had trouble before.|Clean record so far."),
        "zh": pool("多年老客户。|以前没出过事。|记录一直良好。"),
    },
    "repeat": {
        "en": pool("It happened again.|Second time already.|Same as last month."),
        "zh": pool("又发生了。|已经第二次。|和上月一样。"),
    },
    "code_given": {
        "en": pool("I gave out the {p}.|They have my {p}.|I read them the {p}."),
        "zh": pool("我把{p}给了对方。|{p}已经泄露。|我念了{p}。"),
    },
}
GREETING = {
    "en": pool("||||||||Hello.|Hi,|Dear team,|Urgent!|Good day."),
    "zh": pool("||||||||你好，|您好，|急！|麻烦看一下，|客服，"),
}
CARD = {
    "en": pool("Card {c}.|Card ending {c}."),
    "zh": pool("尾号{c}。|卡尾{c}。"),
}
CLOSING = {
    "en": pool("||||||||Please help.|Thanks.|Call me.|What now?"),
    "zh": pool("||||||||请帮忙。|谢谢。|请回电。|怎么办？"),
}
INSTRUCTION = {"en": "Triage.", "zh": "分诊。"}
SHOPS = {
    "en": pool(
        "Lumora|Fernvik|Oakrell|Quillan|Norvane|Velmere|Pinora|Ambrelo|Tasko|Wendry|Zubari|Kestoma|Brivo|Dalune|Ornex|"
        "Safiri|Yelvo|Rosket|Jovex|Vexmoor"
    ),
    "zh": pool("蓝屿|松岬|银渚|棉溪|杉野|青砚|雾岭|南枝|竹汀|桐湾|鹿原|麦屿|橙里|白榆|沙洲|柚林|荷塘|梨坞|兰皋|雪堤"),
}
# First halves and second halves; every pairing is an invented person.
NAME_HALVES = {
    "en": (
        pool(
            "Mira|Tomas|Elna|Jorik|Sefa|Davan|Lusia|Owen|Petra|Kian|Nadja|Rolf|Ines|Marek|Tilda|Yusra|Bram|Celin|"
            "Hadi|Vesna"
        ),
        pool(
            "Halvern|Okonsten|Brightwell|Dunmarsh|Sorelli|Vantreek|Quillon|Ashbourne|Marlowe-Finch|Tessaro|"
            "Lindqvar|Pembrand|Oduyale|Karvonen-Hill|Straith|Belmorra|Wexcombe|Iridale|Fennimar|Castellund|"
            "Norvale|Thistlewood|Garrowby|Zelenko-Ray|Hartmond"
        ),
    ),
    "zh": (
        pool("闻|柏|简|宁|苏|岑|卓|骆|祁|阮|邵|凌|裴|颜|沈|顾|陆|温|江|叶"),
        pool(
            "予安|知远|清禾|嘉树|若宁|思齐|景行|晚晴|亦舟|沐阳|书言|望舒|星野|云起|南乔|子衿|听澜|怀瑾|北辰|佳音|"
            "以沫|映雪"
        ),
    ),
}
# Typing slips in Chinese: characters that input methods mix up.
CHINESE_SLIPS = {"账": "帐", "的": "得", "在": "再", "做": "作", "码": "马", "已经": "以经", "请": "清", "金额": "金鹅"}
