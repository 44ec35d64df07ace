"""Trade jargon of a fraud desk and its variants, in English and Chinese. Written for this project.

`JARGON[concept][language]` is the head term, then its variants. The first eight concepts are the intents of desk.py.
No two concepts share a variant.
"""

from __future__ import annotations

LANGUAGES = ("en", "zh")

JARGON: dict[str, dict[str, list[str]]] = {
    "cnp": {
        "en": ["card-not-present", "CNP", "card not present", "remote card", "keyed-in card"],
        "zh": ["无卡交易", "CNP交易", "非面对面交易", "网上盗刷", "无卡盗刷"],
    },
    "stolen": {
        "en": ["stolen card", "lost card", "pinched card", "missing card", "nicked card", "lost/stolen"],
        "zh": ["卡被偷", "卡片遗失", "丢卡", "卡丢了", "卡不见了"],
    },
    "skimming": {
        "en": ["skimming", "card cloning", "cloned card", "skimmer", "counterfeit card", "copied stripe"],
        "zh": ["伪卡", "克隆卡", "侧录", "复制卡", "磁条被复制"],
    },
    "takeover": {
        "en": ["account takeover", "ATO", "hijacked account", "hacked login", "login takeover"],
        "zh": ["账户盗用", "盗号", "账号被黑", "账户被接管", "登录被盗"],
    },
    "phishing": {
        "en": ["phishing", "smishing", "spoofed text", "fake bank email", "phishing link"],
        "zh": ["钓鱼短信", "钓鱼链接", "假银行短信", "仿冒网站", "诈骗邮件"],
    },
    "scam": {
        "en": ["push payment", "APP scam", "APP fraud", "transfer scam", "safe account scam"],
        "zh": ["转账诈骗", "电信诈骗", "安全账户骗局", "被骗转账", "汇款诈骗"],
    },
    "dispute": {
        "en": ["chargeback", "charge back", "charge-back", "CB claim", "payment reversal"],
        "zh": ["拒付", "退单", "交易争议", "撤销扣款", "争议退款"],
    },
    "decline": {
        "en": ["false decline", "wrong decline", "false positive", "mistaken block", "declined in error"],
        "zh": ["误拦截", "误拒", "风控误判", "错误拒绝", "误锁"],
    },
    "passcode": {
        "en": ["one-time passcode", "OTP", "passcode", "SMS code", "verification code"],
        "zh": ["验证码", "动态码", "短信码", "一次性密码"],
    },
    "security_number": {
        "en": ["CVV", "CVC", "card security number", "three-digit code"],
        "zh": ["安全码", "卡背三位数", "CVV码"],
    },
    "merchant": {"en": ["merchant", "retailer", "vendor", "seller"], "zh": ["商户", "商家", "卖家"]},
    "refund": {"en": ["refund", "money back", "reimbursement"], "zh": ["退款", "退钱", "返还"]},
    "transaction": {"en": ["transaction", "txn", "trx"], "zh": ["交易", "笔数", "流水"]},
    "mule_account": {"en": ["mule account", "money mule", "drop account"], "zh": ["跑分账户", "中转账户"]},
    "direct_debit": {"en": ["direct debit", "DD", "auto-debit"], "zh": ["自动扣款", "代扣"]},
    "cardholder": {"en": ["cardholder", "card holder", "card member"], "zh": ["持卡人", "卡主"]},
    "issuer": {"en": ["issuer", "issuing bank", "card issuer"], "zh": ["发卡行", "发卡银行"]},
    "acquirer": {"en": ["acquirer", "acquiring bank"], "zh": ["收单行", "收单机构"]},
    "preauthorisation": {"en": ["pre-authorisation", "pre-auth", "card hold"], "zh": ["预授权", "预扣"]},
    "provisional_credit": {"en": ["provisional credit", "temporary credit"], "zh": ["临时入账", "先行垫付"]},
    "sim_swap": {"en": ["SIM swap", "SIM hijack", "number porting"], "zh": ["补卡攻击", "手机卡被换"]},
    "card_testing": {"en": ["card testing", "BIN attack", "enumeration attack"], "zh": ["试卡", "撞库试卡"]},
    "friendly_fraud": {"en": ["friendly fraud", "first-party fraud"], "zh": ["善意欺诈", "本人欺诈"]},
    "three_d_secure": {"en": ["3-D Secure", "3DS", "step-up check"], "zh": ["三维验证", "3DS验证"]},
    "identity_check": {"en": ["KYC", "know your customer", "identity check"], "zh": ["身份核验", "实名核验"]},
    "arbitration": {"en": ["arbitration", "second chargeback", "pre-arb"], "zh": ["仲裁", "二次拒付"]},
    "retrieval": {"en": ["retrieval request", "copy request"], "zh": ["调单", "调取签购单"]},
    "recall": {"en": ["payment recall", "recall request"], "zh": ["追回款项", "止付"]},
}
