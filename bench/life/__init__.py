"""How a certificate fares under reviewers as they are, and how soon it notices that its worker got worse."""

MEASURES = (
    "journeyman.assess.autonomy",
    "journeyman.assess.power",
    "journeyman.assess.rule",
    "journeyman.assess.selective",
    "journeyman.assess.wealth",
    "journeyman.autonomy.ledger",
)
