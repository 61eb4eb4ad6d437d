"""Writes one small network's weights as training scripts save them: every wrapper x prefix x format, and beside every
kind of value, into the folder named; prints a line a file: NAME MATCHES_TORCH. What PyTorch, safetensors and h5py read
back is compared here with what was meant; what thaw makes of the files, in weights_matrix_test.cpp.
"""
import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import json
import pathlib
import sys
import types
import uuid

try:
    import h5py
    import numpy
    import safetensors.torch
    import torch
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(77)

OUT = pathlib.Path(sys.argv[1])
SHAPES = {"dw.weight": (3, 1, 3, 5), "bn.weight": (3,), "bn.bias": (3,), "bn.running_mean": (3,), "bn.running_var": (3,),
          "pw.weight": (8, 3, 1, 1), "pw.bias": (8,), "hidden.weight": (6, 128), "hidden.bias": (6,)}
WRAPPERS = ["", "state_dict", "model_state_dict", "model", "net", "network", "params", "params_ema", "ema", "weight",
            "state_dict_ema", "model_ema", "ema_state_dict", "model_state", "module", "generator", "model/state_dict",
            "checkpoint/model/net", "ema/module"]
PREFIXES = ["", "module.", "_orig_mod.", "model.", "backbone.", "encoder.", "net.", "module.module.",
            "_orig_mod.module.", "module._orig_mod.", "model.backbone.", "module.encoder.", "encoder.backbone.model.",
            "module.base_encoder.", "model._orig_mod.module.backbone.", "_fsdp_wrapped_module."]


def numbers(seed):
    generator = torch.Generator().manual_seed(seed)
    return collections.OrderedDict((name, torch.randn(shape, generator=generator)) for name, shape in SHAPES.items())


STATE, OTHER = numbers(1), numbers(2)
(OUT / "expected.json").write_text(json.dumps({name: tensor.reshape(-1).tolist() for name, tensor in STATE.items()}))


def prefixed(state, prefix):
    return collections.OrderedDict((prefix + name, tensor) for name, tensor in state.items())


def wrapped(value, wrapper):
    for key in reversed([key for key in wrapper.split("/") if key]):
        value = {key: value, "epoch": 7, "best_acc": numpy.float64(0.5), "args": argparse.Namespace(lr=0.1)}
    return value


def same(found, prefix):
    return all(torch.equal(found[prefix + name], tensor) for name, tensor in STATE.items())


def report(name, read_back):
    print(name, int(read_back), flush=True)


def save(value, name, find, prefix="", **options):
    torch.save(value, OUT / name, **options)
    report(name, same(find(torch.load(OUT / name)), prefix))


def at(wrapper):
    return lambda value: functools.reduce(lambda inner, key: inner[key], [k for k in wrapper.split("/") if k], value)


def write_hdf5(name, containers, whole_model):
    """Keras 2's layout; a model inside a model is one layer, whose weights' names begin with the inner layers'."""
    layers = {"dw": {"depthwise_kernel": STATE["dw.weight"].permute(2, 3, 0, 1)},
              "bn": {"gamma": STATE["bn.weight"], "beta": STATE["bn.bias"], "moving_mean": STATE["bn.running_mean"],
                     "moving_variance": STATE["bn.running_var"]},
              "pw": {"kernel": STATE["pw.weight"].permute(2, 3, 1, 0), "bias": STATE["pw.bias"]},
              "hidden": {"kernel": STATE["hidden.weight"].reshape(6, 8, 4, 4).permute(2, 3, 1, 0).reshape(128, 6),
                         "bias": STATE["hidden.bias"]}}
    with h5py.File(OUT / name, "w") as file:
        root = file.create_group("model_weights") if whole_model else file
        names = [containers[0]] if containers else list(layers)
        root.attrs["layer_names"] = [name.encode() for name in names + ["extra"]]
        for top in names:
            group = root.create_group(top)
            inner = layers.items() if containers else [(top, layers[top])]
            paths = {"/".join(containers[1:] + [layer, f"{weight}:0"]): tensor
                     for layer, weights in inner for weight, tensor in weights.items()}
            group.attrs["weight_names"] = [path.encode() for path in paths]
            for path, tensor in paths.items():
                group.create_dataset(path, data=tensor.contiguous().numpy())
        extra = root.create_group("extra")
        extra.attrs["weight_names"] = [b"extra/kernel:0"]
        extra.create_dataset("extra/kernel:0", data=numpy.ones((2, 2), numpy.float32))
    report(name, True)


for w, wrapper in enumerate(WRAPPERS):
    for p, prefix in enumerate(PREFIXES):
        state = prefixed(STATE, prefix)
        beside = dict(state, n_averaged=torch.tensor(3), **{"fc.weight": torch.ones(2, 2)})
        for kind, content in (("alone", state), ("beside", beside)):
            value = wrapped(content, wrapper)
            stem = f"w{w}_p{p}_{kind}"
            save(value, f"{stem}_zip.pth", at(wrapper), prefix)
            save(value, f"{stem}_old.pth", at(wrapper), prefix, _use_new_zipfile_serialization=False)
            flat = {(wrapper.replace("/", ".") + "." if wrapper else "") + name: t for name, t in content.items()}
            safetensors.torch.save_file(flat, OUT / f"{stem}.safetensors")
            read = safetensors.torch.load_file(OUT / f"{stem}.safetensors")
            report(f"{stem}.safetensors", same(read, (wrapper.replace("/", ".") + "." if wrapper else "") + prefix))

# Where a second network fits as well, the averaged one is left.
for other in ("ema", "model_ema", "state_dict_ema", "params_ema", "swa_model", "target", "encoder_k"):
    for key in ("state_dict", "model", "net", "params", "zz", "encoder_q"):
        save({other: OTHER, key: STATE}, f"two_{key}_{other}.pth", at(key))
save((prefixed(STATE, "module."), 7), "tuple.pth", lambda value: value[0], "module.")
save({"models": [{"net": STATE}]}, "list.pth", lambda value: value["models"][0]["net"])
torch.save({name.replace("pw.", "pw.module."): tensor for name, tensor in STATE.items()}, OUT / "part.pth")
report("part.pth", True)
optimizer = torch.optim.Adam([torch.nn.Parameter(tensor.clone()) for tensor in STATE.values()])
sum(parameter.sum() for parameter in optimizer.param_groups[0]["params"]).backward()
optimizer.step()
save({"optimizer": optimizer.state_dict(), "model": STATE}, "optimizer.pth", at("model"))


class Settings(dict):
    pass


class Colour(enum.Enum):
    red = 1


@dataclasses.dataclass
class Options:
    rate: float = 0.1


class OrderedState(collections.OrderedDict):
    pass


class Slots:
    __slots__ = ("a",)

    def __init__(self):
        self.a = 1


config = types.ModuleType("omegaconf.dictconfig")
config.DictConfig = type("DictConfig", (dict,), {"__module__": "omegaconf.dictconfig"})
sys.modules["omegaconf"], sys.modules["omegaconf.dictconfig"] = types.ModuleType("omegaconf"), config
omega = config.DictConfig(lr=0.1)
omega._metadata = {"flags": {"struct", "readonly"}, "type": dict}

VALUES = {
    "namespace": argparse.Namespace(lr=0.1, tags=["a"]), "float64": numpy.float64(0.5), "int64": numpy.int64(5),
    "bool_": numpy.bool_(True), "str_": numpy.str_("a"), "array": numpy.arange(6.0).reshape(2, 3),
    "strings": numpy.array(["a", "b"]), "objects": numpy.array([{"a": 1}, None]), "dtype": numpy.dtype("float32"),
    "random_state": numpy.random.get_state(), "path": pathlib.PosixPath("runs/1"), "pure": pathlib.PureWindowsPath("a"),
    "defaultdict": collections.defaultdict(list, a=[1]), "nested_default": collections.defaultdict(dict),
    "counter": collections.Counter("aab"), "deque": collections.deque([1, 2], 3), "set": {"a", "b"}, "empty_set": set(),
    "frozenset": frozenset({1}), "date": datetime.date(2020, 1, 2), "time": datetime.datetime(2020, 1, 2, 3, 4),
    "delta": datetime.timedelta(seconds=3), "decimal": decimal.Decimal("1.5"), "fraction": fractions.Fraction(1, 3),
    "uuid": uuid.UUID(int=7), "complex": 1 + 2j, "range": range(3), "slice": slice(1, 2), "bytes": b"ab" * 200,
    "bytearray": bytearray(b"abc"), "enum": Colour.red, "dataclass": Options(), "dict_class": Settings(a=1),
    "state_class": OrderedState(a=1), "slots": Slots(), "simple": types.SimpleNamespace(a=1),
    "partial": functools.partial(int, base=2), "class": Options, "torch_class": torch.nn.ReLU, "function": numbers, "exception": ValueError("a"), "ellipsis": ..., "none_type": type(None),
    "omegaconf": omega, "device": torch.device("cpu"), "torch_dtype": torch.float16, "size": torch.Size([1]),
    "complex_tensor": torch.zeros(2, dtype=torch.complex64), "sparse": torch.eye(2).to_sparse(),
    "parameter": torch.nn.Parameter(torch.ones(1)), "layout": torch.strided,
    "big": 10**400, "memo": [["a"] * 2] * 300, "criterion": torch.nn.CrossEntropyLoss(), "surrogate": "\u00e9",
}
for name, value in VALUES.items():
    for protocol in (2, 3, 4, 5):
        # The old format says nothing of how long the numbers of an unknown type are: thaw refuses that.
        for old in (False,) if name == "complex_tensor" else (False, True):
            save({"first": value, "model": STATE, "last": [value, {"x": value}]},
                 f"beside_{name}_{protocol}{'_old' if old else ''}.pth", at("model"), pickle_protocol=protocol,
                 _use_new_zipfile_serialization=not old)
save(OrderedState(STATE), "state_class.pth", lambda value: value)
save(collections.defaultdict(list, model=Settings(STATE)), "dict_class.pth", at("model"))

for whole_model in (False, True):
    for containers in ([], ["base"], ["outer", "base"], ["model", "outer", "base"], ["sequential", "model", "net", "base"]):
        write_hdf5(f"keras_{len(containers)}{'_whole' if whole_model else ''}.h5", containers, whole_model)
