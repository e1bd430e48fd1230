"""Multi-hop recall by the graph, beside hybrid search."""

MEASURES = (
    "journeyman.documents",
    "journeyman.knowledge.base",
    "journeyman.knowledge.graph.claims",
    "journeyman.knowledge.graph.communities",
    "journeyman.knowledge.graph.entities",
    "journeyman.knowledge.graph.graph",
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
