"""Multi-hop recall by the graph, beside hybrid search."""

MEASURES = (
    "journeyman.documents",
    "journeyman.knowledge.base",
    "journeyman.knowledge.claims",
    "journeyman.knowledge.communities",
    "journeyman.knowledge.entities",
    "journeyman.knowledge.graph",
    "journeyman.knowledge.index",
    "journeyman.models.embedding",
    "journeyman.store",
)

RECORDS = (
    "journeyman.environments",
    "journeyman.job",
    "journeyman.models",
    "journeyman.verifiers",
)
