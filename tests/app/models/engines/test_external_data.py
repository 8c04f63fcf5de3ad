"""A graph whose numbers lie in another file is not read, whatever it is called and however it says so."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data

from app.models.engines.external_data import refers_outside
from app.models.engines.kernel import KernelSpec
from app.models.engines.onnx_engine import OnnxKernel

SPEC = KernelSpec("graph.bin", "float32", False, "values")
WEIGHTS = np.arange(6, dtype=np.float32).reshape(3, 2)
OPSET = helper.make_opsetid("", 18)


def outside(name="weights", values=WEIGHTS, key="location"):
    tensor = numpy_helper.from_array(values, name)
    set_external_data(tensor, "weights.bin")
    tensor.external_data[0].key = key
    tensor.ClearField("raw_data")
    return tensor


def model(nodes, initializers=(), *, functions=(), sparse=()):
    inputs = [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 3])]
    outputs = [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, 2])]
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializers, sparse_initializer=sparse)
    opsets = [OPSET, *(helper.make_opsetid(each.domain, 1) for each in functions)]
    made = helper.make_model(graph, opset_imports=opsets, functions=functions)
    made.ir_version = 9
    return made.SerializeToString()


def initializer():
    return model([helper.make_node("MatMul", ["X", "weights"], ["Y"])], [outside()])


def constant():
    nodes = [
        helper.make_node("Constant", [], ["w"], value=outside()),
        helper.make_node("MatMul", ["X", "w"], ["Y"]),
    ]
    return model(nodes)


def branch(key="location"):
    def one(name):
        result = helper.make_tensor_value_info(f"Y{name}", TensorProto.FLOAT, None)
        node = helper.make_node("MatMul", ["X", name], [f"Y{name}"])
        return helper.make_graph([node], f"branch {name}", [], [result], [outside(name, key=key)])

    node = helper.make_node("If", ["yes"], ["Y"], then_branch=one("a"), else_branch=one("b"))
    return model([node], [numpy_helper.from_array(np.array(True), "yes")])


def function():
    inside = [
        helper.make_node("Constant", [], ["w"], value=outside()),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    made = helper.make_function("own", "Multiply", ["x"], ["y"], inside, [OPSET])
    return model([helper.make_node("Multiply", ["X"], ["Y"], domain="own")], functions=[made])


def sparse():
    values = outside(values=np.array([1, 2], dtype=np.float32))
    tensor = helper.make_sparse_tensor(values, numpy_helper.from_array(np.array([0, 3]), "at"), [3, 2])
    return model([helper.make_node("MatMul", ["X", "weights"], ["Y"])], sparse=[tensor])


def other_bytes():
    """The key with a tag that goes on beyond the 32 bits which protobuf keeps of it."""
    written, wanted = b"\x0a\x0clocation1234", b"\x8a\x80\x80\x80\x10\x08location"
    content = branch(key="location1234")
    assert (content.count(written), len(written)) == (2, len(wanted))
    return content.replace(written, wanted)


GRAPHS = [initializer, constant, branch, function, sparse, other_bytes]


@pytest.fixture
def beside(tmp_path, monkeypatch):
    """The other file, where onnxruntime would look for it."""
    (tmp_path / "weights.bin").write_bytes(WEIGHTS.tobytes())
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("make", GRAPHS)
def test_the_gate_sees_numbers_that_lie_elsewhere(make):
    assert refers_outside(make())


@pytest.mark.parametrize("make", GRAPHS)
def test_no_session_is_made_even_if_the_gate_were_passed(make, beside):
    with pytest.raises(Exception, match="ONNXRuntimeError"):
        OnnxKernel(make(), SPEC)


@pytest.mark.parametrize("make", [branch, sparse, other_bytes])
def test_onnxruntime_alone_would_read_them_from_the_working_directory(make, beside):
    session = onnxruntime.InferenceSession(make(), providers=["CPUExecutionProvider"])
    (read,) = session.run(None, {"X": np.eye(3, dtype=np.float32)})
    assert read.any()
