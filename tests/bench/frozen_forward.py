#!/usr/bin/env python3
"""The frozen forward pass of thaw beside PyTorch eager, onnxruntime and OpenVINO: images a second, in one run.

tests/bench/frozen_forward makes the environment and calls this. Weights are random: they do not change the speed.
The contestants take turns, round by round, so that a busy minute strikes all of them. `a batch a thread` are as many
single-threaded sessions at once as there are threads: that is also how thaw works. The others begin with
preprocessed float32 images in their memory; thaw begins with bytes.
"""
import argparse
import concurrent.futures
import copy
import os
import pathlib
import statistics
import subprocess
import tempfile
import time
import warnings

import numpy as np
import onnxruntime
import openvino
import torch
import torchvision
from torch import nn

BATCH = 32
SIZE = 224


def conv_norm_relu6(inputs, outputs, kernel=1, stride=1, groups=1, activate=True):
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
              nn.BatchNorm2d(outputs, eps=1e-3)]
    return nn.Sequential(*layers, *([nn.ReLU6()] if activate else []))


class LiteBlock(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride, expansion):
        super().__init__()
        wide = inputs * expansion
        expand = [conv_norm_relu6(inputs, wide)] if expansion != 1 else []
        self.layers = nn.Sequential(*expand, conv_norm_relu6(wide, wide, kernel, stride, wide),
                                    conv_norm_relu6(wide, outputs, activate=False))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.layers(x) if self.residual else self.layers(x)


def efficientnet_lite0():
    stages = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80),
              (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)]
    layers, channels = [conv_norm_relu6(3, 32, 3, 2)], 32
    for repeats, kernel, stride, expansion, outputs in stages:
        for i in range(repeats):
            layers.append(LiteBlock(channels, outputs, kernel, stride if i == 0 else 1, expansion))
            channels = outputs
    return nn.Sequential(*layers, conv_norm_relu6(channels, 1280))


BASES = {
    "mobilenet_v2": lambda: torchvision.models.mobilenet_v2().features,
    "efficientnet_lite0": efficientnet_lite0,
    "resnet50": lambda: nn.Sequential(*list(torchvision.models.resnet50().children())[:-2]),
    "vgg16": lambda: torchvision.models.vgg16().features,
    "densenet121": lambda: nn.Sequential(torchvision.models.densenet121().features, nn.ReLU()),
}


class Pooled(nn.Module):
    def __init__(self, base):
        super().__init__()
        self.base = base

    def forward(self, x):
        return self.base(x).mean((2, 3))


def thaw(program, name, threads, precision):
    process = subprocess.Popen([program, name, str(threads), str(BATCH * threads), precision],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if process.stdout.readline().strip() != "ready":
        return None

    def run():
        process.stdin.write("go\n")
        process.stdin.flush()
        return float(process.stdout.readline())
    return run


def timed(work):
    def run():
        start = time.perf_counter()
        work()
        return time.perf_counter() - start
    return run


def eager(model, batches, threads, bf16):
    kind = {"memory_format": torch.channels_last, "dtype": torch.bfloat16 if bf16 else torch.float32}
    model = copy.deepcopy(model).to(**kind)
    tensors = [torch.from_numpy(batch).to(**kind) for batch in batches]

    def work():
        torch.set_num_threads(threads)
        with torch.inference_mode():
            for tensor in tensors:
                model(tensor)
    return timed(work)


def at_once(runs, threads):
    """`runs`: functions that each carry one batch through, each on a thread of its own."""
    pool = concurrent.futures.ThreadPoolExecutor(threads)
    return timed(lambda: list(pool.map(lambda run: run(), runs)))


def onnxruntime_session(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def openvino_request(path, threads, bf16):
    model = openvino.Core().compile_model(path, "CPU", {
        "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32"})
    return model.create_infer_request()


def others(name, threads, bf16, folder):
    model = Pooled(BASES[name]()).eval()
    batches = [np.random.default_rng(i).standard_normal((BATCH, 3, SIZE, SIZE), np.float32) for i in range(threads)]
    path = str(pathlib.Path(folder) / f"{name}.onnx")
    if not os.path.exists(path):
        warnings.simplefilter("ignore")  # the exporter would rather be another one
        torch.onnx.export(model, (torch.from_numpy(batches[0]),), path, dynamo=False, input_names=["x"])
    runs = {"PyTorch eager": eager(model, batches, threads, bf16)}
    request = openvino_request(path, threads, bf16)
    runs["OpenVINO"] = timed(lambda: [request.infer([b]) for b in batches])
    if not bf16:  # onnxruntime's CPU kernels know no bfloat16
        session = onnxruntime_session(path, threads)
        runs["onnxruntime"] = timed(lambda: [session.run(None, {"x": b}) for b in batches])
    if threads > 1:
        requests = [openvino_request(path, 1, bf16) for _ in batches]
        runs["OpenVINO, a batch a thread"] = at_once(
            [lambda r=r, b=b: r.infer([b]) for r, b in zip(requests, batches)], threads)
        if not bf16:
            sessions = [onnxruntime_session(path, 1) for _ in batches]
            runs["onnxruntime, a batch a thread"] = at_once(
                [lambda s=s, b=b: s.run(None, {"x": b}) for s, b in zip(sessions, batches)], threads)
    return runs


def compare(program, name, threads, precision, rounds, folder):
    carry = thaw(program, name, threads, precision)
    if carry is None:
        print(f"{name}, {precision}: skipped, this CPU has no such arithmetic (bf16: AVX512-BF16 or AMX)")
        return
    runs = {"thaw": carry, **others(name, threads, precision == "bf16", folder)}
    seconds = {who: [] for who in runs}
    for turn in range(rounds + 1):  # the first warms up
        for who, run in runs.items():
            time.sleep(0.05)  # the one before may still spin
            took = run()
            if turn:
                seconds[who].append(took)
    images = BATCH * threads
    best = {who: images / min(s) for who, s in seconds.items()}
    median = {who: images / statistics.median(s) for who, s in seconds.items()}
    print(f"{name}, {precision}, {threads} thread{'s' * (threads > 1)}, batch {BATCH}: images/s")
    for who in sorted(runs, key=lambda who: -median[who]):
        print(f"  {who:30s} median {median[who]:7.1f}  best {best[who]:7.1f}  "
              f"thaw/this: median {median['thaw'] / median[who]:.2f}, best {best['thaw'] / best[who]:.2f}")
    print(flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="frozen_forward_bench, which -DTHAW_BENCH=ON builds")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--backbones", nargs="+", choices=BASES, default=list(BASES))
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16"])
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    print(f"PyTorch {torch.__version__}, onnxruntime {onnxruntime.__version__}, OpenVINO {openvino.__version__}; "
          f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores at the start\n")
    with tempfile.TemporaryDirectory() as folder:
        for precision in args.precisions:
            for name in args.backbones:
                for threads in args.threads:
                    compare(args.program, name, threads, precision, args.rounds, folder)


if __name__ == "__main__":
    main()
