#!/usr/bin/env python3
"""Training steps and frozen passes of whole networks, thaw beside PyTorch on the same device in the same run: images/s.

tests/bench/gpu_training builds thaw's part and calls this; needs nothing but PyTorch. Weights and images are random.
Both begin with bytes in the host's memory and end with the loss, or the pooled features, there. PyTorch works in
channels-last order; "compiled" is torch.compile with CUDA graphs. The contestants take turns, round by round.
"""
import argparse
import statistics
import subprocess
import time

import torch
from torch import nn

SIZE = 224
CLASSES = 1000
MEAN, DEVIATION = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def conv_norm(inputs, outputs, kernel, stride=1, groups=1, activation=None):
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
              nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([activation] if activation else []))


class Block(nn.Module):
    """`layers`, with its input, or the input's projection, added, and ReLU behind it where wanted."""

    def __init__(self, layers, shortcut, activate):
        super().__init__()
        self.layers, self.shortcut, self.activate = layers, shortcut, activate

    def forward(self, x):
        y = self.layers(x) + self.shortcut(x)
        return torch.relu_(y) if self.activate else y


def resnet50():
    layers, channels = [conv_norm(3, 64, 7, 2, activation=nn.ReLU(True)), nn.MaxPool2d(3, 2, 1)], 64
    for width, repeats, first_stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for i in range(repeats):
            stride = first_stride if i == 0 else 1
            body = nn.Sequential(conv_norm(channels, width, 1, activation=nn.ReLU(True)),
                                 conv_norm(width, width, 3, stride, activation=nn.ReLU(True)),
                                 conv_norm(width, 4 * width, 1))
            layers.append(Block(body, conv_norm(channels, 4 * width, 1, stride) if i == 0 else nn.Identity(), True))
            channels = 4 * width
    return nn.Sequential(*layers), channels


def mobilenet_v2():
    layers, channels = [conv_norm(3, 32, 3, 2, activation=nn.ReLU6(True))], 32
    for expansion, outputs, repeats, first_stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                                      (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
        for i in range(repeats):
            stride, wide = first_stride if i == 0 else 1, channels * expansion
            expand = [conv_norm(channels, wide, 1, activation=nn.ReLU6(True))] if expansion > 1 else []
            body = nn.Sequential(*expand, conv_norm(wide, wide, 3, stride, wide, nn.ReLU6(True)),
                                 conv_norm(wide, outputs, 1))
            layers.append(Block(body, nn.Identity(), False) if stride == 1 and channels == outputs else body)
            channels = outputs
    layers.append(conv_norm(channels, 1280, 1, activation=nn.ReLU6(True)))
    return nn.Sequential(*layers), 1280


BASES = {"resnet50": resnet50, "mobilenet_v2": mobilenet_v2}


class Network(nn.Module):
    def __init__(self, name, trains):
        super().__init__()
        self.base, channels = BASES[name]()
        self.head = nn.Linear(channels, CLASSES) if trains else nn.Identity()
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(1, 3, 1, 1))

    def forward(self, pixels):
        x = (pixels.permute(0, 3, 1, 2).to(self.mean.dtype) - self.mean) / self.deviation
        return self.head(self.base(x.contiguous(memory_format=torch.channels_last)).mean((2, 3)))


def pytorch(name, what, batch, precision, device, compiled):
    """A function that does one step."""
    bf16 = precision == "bf16"
    network = Network(name, what == "train").to(device, memory_format=torch.channels_last)
    pixels = torch.randint(0, 256, (batch, SIZE, SIZE, 3), dtype=torch.uint8)
    if device == "cuda":
        pixels = pixels.pin_memory()
    if what == "frozen":
        network.eval()
        if bf16:
            network.to(torch.bfloat16)
        forward = torch.compile(network, mode="reduce-overhead") if compiled else network

        def carry():
            with torch.inference_mode():
                forward(pixels.to(device, non_blocking=True)).float().cpu()
        return carry
    optimizer = torch.optim.SGD(network.parameters(), 1e-3, momentum=0.9, fused=device == "cuda" or None)
    forward = torch.compile(network, mode="reduce-overhead") if compiled else network
    labels = torch.arange(batch) % CLASSES

    def step():
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            logits = forward(pixels.to(device, non_blocking=True))
        loss = nn.functional.cross_entropy(logits.float(), labels.to(device, non_blocking=True))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        loss.item()
    return step


def timed(step, steps):
    def run():
        start = time.perf_counter()
        for _ in range(steps):
            step()
        return time.perf_counter() - start
    return run


def thaw(program, *words):
    process = subprocess.Popen([program, *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if process.stdout.readline().strip() != "ready":
        return None

    def run():
        process.stdin.write("go\n")
        process.stdin.flush()
        return float(process.stdout.readline())
    return run


def compare(args, device, name, what, batch, precision):
    runs = {"PyTorch": timed(pytorch(name, what, batch, precision, device, False), args.steps)}
    if args.compiled:
        runs["PyTorch compiled"] = timed(pytorch(name, what, batch, precision, device, True), args.steps)
    own = thaw(args.program, device, name, what, batch, precision, args.steps)
    if own:
        runs["thaw"] = own
    seconds = {who: [] for who in runs}
    for turn in range(args.rounds + 1):  # the first warms up
        for who, run in runs.items():
            took = run()
            if turn:
                seconds[who].append(took)
    rates = {who: batch * args.steps / statistics.median(s) for who, s in seconds.items()}
    best = max(rate for who, rate in rates.items() if who != "thaw")
    words = [f"{who} {rate:.1f}" for who, rate in rates.items()]
    words.append(f"thaw/best {rates['thaw'] / best:.2f}" if own else "thaw: not offered")
    print(f"{name:13s} {what:6s} batch {batch:3d} {precision}: {', '.join(words)}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="gpu_training_bench")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", choices=("cpu", "cuda"))
    parser.add_argument("--backbones", nargs="+", choices=BASES, default=list(BASES))
    parser.add_argument("--batches", nargs="+", type=int, default=[16, 64, 256])
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16"])
    parser.add_argument("--steps", type=int, default=20, help="in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compiled", action="store_true", help="torch.compile as well: minutes of compiling")
    args = parser.parse_args()
    device = torch.cuda.get_device_name() if args.device == "cuda" else "CPU"
    print(f"images/s on {device}, PyTorch {torch.__version__}, median of {args.rounds} rounds of {args.steps} steps")
    for name in args.backbones:
        for what in ("train", "frozen"):
            for precision in args.precisions:
                for batch in args.batches:
                    compare(args, args.device, name, what, batch, precision)


if __name__ == "__main__":
    main()
