"""Makes the embedder's ONNX file of the published weights of all-MiniLM-L6-v2: matrices in eight bits, no PyTorch.

Run by ``make setup`` in a process of its own (``python -m perdure.memory.embedder_weights MODEL TARGET``) that sees the
package ``onnx``, which nothing else needs. The graph is BERT's as its configuration describes it, with the pooling that
the sentence model asks for (the mean of the tokens, then length one).
"""

import importlib
import json
import math
import struct
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

OPSET, IR_VERSION = 20, 9
Weights = Mapping[str, npt.NDArray[Any]]


def main(arguments: Sequence[str]) -> int:
    """Write TARGET from the folder MODEL."""
    folder, target = map(Path, arguments)
    configuration = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    target.write_bytes(model_of(configuration, read_safetensors(folder / "model.safetensors")))
    return 0


def read_safetensors(file: Path) -> dict[str, npt.NDArray[Any]]:
    """The tensors of a safetensors file of 32-bit floats (and integers, which are passed over)."""
    data = file.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    described: dict[str, Any] = json.loads(data[8 : 8 + length])
    return {
        name: np.frombuffer(data[8 + length :][slice(*one["data_offsets"])], dtype="<f4").reshape(
            one["shape"]
        )
        for name, one in described.items()
        if name != "__metadata__" and one["dtype"] == "F32"
    }


def model_of(configuration: Mapping[str, Any], weights: Weights) -> bytes:
    """The serialised model: ``input_ids`` and ``attention_mask`` (int64, texts × tokens) to ``embedding`` (texts × size)."""
    return _Graph(configuration, weights).serialized()


class _Graph:
    """Collects nodes and constants; each method gives the name of its result."""

    def __init__(self, configuration: Mapping[str, Any], weights: Weights) -> None:
        self._onnx: Any = importlib.import_module("onnx")
        self._configuration, self._weights = configuration, weights
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._known: set[str] = set()
        self._size: int = configuration["hidden_size"]
        self._heads: int = configuration["num_attention_heads"]

    def serialized(self) -> bytes:
        helper, proto = self._onnx.helper, self._onnx.TensorProto
        hidden = self._embedded()
        mask = self._mask()
        for layer in range(self._configuration["num_hidden_layers"]):
            hidden = self._layer(f"encoder.layer.{layer}", hidden, mask)
        self._pooled(hidden)
        shape = ["texts", "tokens"]
        graph = helper.make_graph(
            self._nodes,
            "sentence-embedder",
            [
                helper.make_tensor_value_info(name, proto.INT64, shape)
                for name in ("input_ids", "attention_mask")
            ],
            [helper.make_tensor_value_info("embedding", proto.FLOAT, ["texts", self._size])],
            self._constants,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        self._onnx.checker.check_model(model)
        return bytes(model.SerializeToString())

    def _node(self, kind: str, *inputs: str, output: str = "", outputs: int = 1, **attributes: Any) -> str:
        names = [output or f"n{len(self._nodes)}_{place}" for place in range(outputs)]
        self._nodes.append(self._onnx.helper.make_node(kind, list(inputs), names, **attributes))
        return names[0]

    def _constant(self, name: str, value: npt.NDArray[Any]) -> str:
        if name not in self._known:
            self._known.add(name)
            self._constants.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _whole_numbers(self, *numbers: int) -> str:
        return self._constant("i_" + "_".join(map(str, numbers)), np.array(numbers, dtype=np.int64))

    def _weight(self, name: str) -> str:
        return self._constant(name, self._weights[name])

    def _embedded(self) -> str:
        """Words in eight bits with a scale for each, positions, and the type that all tokens have."""
        words, scales = quantized(self._weights["embeddings.word_embeddings.weight"], axis=1)
        at = "input_ids"
        rows = self._node("Gather", self._constant("words", words), at)
        rows = self._node("Cast", rows, to=self._onnx.TensorProto.FLOAT)
        rows = self._node("Mul", rows, self._node("Gather", self._constant("words.scale", scales), at))
        length = self._node("Gather", self._node("Shape", at), self._whole_numbers(1), axis=0)
        positions = self._weights["embeddings.position_embeddings.weight"]
        typed = positions + self._weights["embeddings.token_type_embeddings.weight"][0]
        nearby = self._node("Slice", self._constant("positions", typed), self._whole_numbers(0), length)
        return self._normalized("embeddings.LayerNorm", self._node("Add", rows, nearby))

    def _mask(self) -> str:
        """0 for a token, a very low number for what only fills up: texts × 1 × 1 × tokens."""
        mask = self._node("Cast", "attention_mask", to=self._onnx.TensorProto.FLOAT)
        low = self._constant("low", np.array([-10_000], dtype=np.float32))
        missing = self._node("Sub", self._constant("float_one", np.array([1], dtype=np.float32)), mask)
        return self._node("Unsqueeze", self._node("Mul", missing, low), self._whole_numbers(1, 2))

    def _layer(self, name: str, hidden: str, mask: str) -> str:
        query, key, value = (
            self._in_heads(self._dense(f"{name}.attention.self.{part}", hidden), turned=part == "key")
            for part in ("query", "key", "value")
        )
        scale = 1 / math.sqrt(self._size / self._heads)
        scores = self._node("MatMul", query, key)
        scores = self._node("Mul", scores, self._constant("scale", np.array([scale], dtype=np.float32)))
        shares = self._node("Softmax", self._node("Add", scores, mask), axis=-1)
        mixed = self._node("Transpose", self._node("MatMul", shares, value), perm=[0, 2, 1, 3])
        mixed = self._node("Reshape", mixed, self._whole_numbers(0, 0, self._size))
        added = self._node("Add", self._dense(f"{name}.attention.output.dense", mixed), hidden)
        hidden = self._normalized(f"{name}.attention.output.LayerNorm", added)
        wide = self._node("Gelu", self._dense(f"{name}.intermediate.dense", hidden))
        added = self._node("Add", self._dense(f"{name}.output.dense", wide), hidden)
        return self._normalized(f"{name}.output.LayerNorm", added)

    def _in_heads(self, flat: str, *, turned: bool) -> str:
        shape = self._whole_numbers(0, 0, self._heads, self._size // self._heads)
        return self._node(
            "Transpose", self._node("Reshape", flat, shape), perm=[0, 2, 3, 1] if turned else [0, 2, 1, 3]
        )

    def _dense(self, name: str, given: str) -> str:
        """A matrix in eight bits, a scale for each column; what comes in is rounded to eight bits as it comes."""
        matrix, scales = quantized(self._weights[f"{name}.weight"].T, axis=0)
        self._node("DynamicQuantizeLinear", given, outputs=3)
        small, scale, zero = self._nodes[-1].output
        product = self._node("MatMulInteger", small, self._constant(f"{name}.matrix", matrix), zero)
        product = self._node("Cast", product, to=self._onnx.TensorProto.FLOAT)
        both = self._node("Mul", scale, self._constant(f"{name}.scale", scales.reshape(-1)))
        return self._node("Add", self._node("Mul", product, both), self._weight(f"{name}.bias"))

    def _normalized(self, name: str, given: str) -> str:
        weight, bias = self._weight(f"{name}.weight"), self._weight(f"{name}.bias")
        epsilon = float(self._configuration["layer_norm_eps"])
        return self._node("LayerNormalization", given, weight, bias, axis=-1, epsilon=epsilon)

    def _pooled(self, hidden: str) -> None:
        mask = self._node("Cast", "attention_mask", to=self._onnx.TensorProto.FLOAT)
        column = self._node("Unsqueeze", mask, self._whole_numbers(2))
        tokens = self._whole_numbers(1)
        total = self._node("ReduceSum", self._node("Mul", hidden, column), tokens, keepdims=0)
        mean = self._node("Div", total, self._node("ReduceSum", column, tokens, keepdims=0))
        length = self._node("ReduceL2", mean, self._whole_numbers(-1), keepdims=1)
        self._node("Div", mean, length, output="embedding")


def quantized(values: npt.NDArray[Any], *, axis: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Eight-bit numbers and the scales along the axis that bring them back, to half a scale."""
    largest = np.maximum(np.abs(values).max(axis=axis, keepdims=True), 1e-12)
    scales = (largest / 127).astype(np.float32)
    return np.rint(values / scales).astype(np.int8), scales


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
