"""Loads what `thaw export-model` wrote into torchvision's network, as a user would, and prints its loss and accuracy on a
folder of images that have the network's size already.

    exported_model.py FILE.safetensors FOLDER        (exit code 77: no PyTorch here)
"""
import json
import pathlib
import struct
import sys

try:
    import numpy
    import torch
    import torchvision
    from PIL import Image
except ImportError as error:
    print(error)
    sys.exit(77)

path, folder = map(pathlib.Path, sys.argv[1:3])
content = path.read_bytes()
(header_bytes,) = struct.unpack("<Q", content[:8])
header = json.loads(content[8:8 + header_bytes])
about = header.pop("__metadata__")
data = content[8 + header_bytes:]
tensors = {}
for name, entry in header.items():
    begin, end = entry["data_offsets"]
    values = numpy.frombuffer(data[begin:end], dtype=numpy.float32).reshape(entry["shape"])
    tensors[name] = torch.tensor(values)

# The base takes every key of its own; what is left of the file is the head.
network = getattr(torchvision.models, about["backbone"])()
network.fc = torch.nn.Identity()
base = {name: tensor for name, tensor in tensors.items() if not name.startswith("head.")}
network.load_state_dict(base, strict=True)
network.eval()
classes = json.loads(about["classes"])
mean, deviation = (numpy.array(json.loads(about[key])) for key in ("mean", "deviation"))
images, labels = [], []
for label, name in enumerate(classes):
    for image in sorted((folder / name).iterdir()):
        pixels = numpy.asarray(Image.open(image).convert("RGB"), dtype=numpy.float64)
        assert pixels.shape[0] == int(about["image_size"]), pixels.shape
        if about["channels"] == "BGR":
            pixels = pixels[..., ::-1]
        images.append(((pixels - mean) / deviation).transpose(2, 0, 1))
        labels.append(label)
x = torch.tensor(numpy.stack(images), dtype=torch.float32)
labels = torch.tensor(labels)
with torch.no_grad():
    x = network(x)
    layer = 0
    while f"head.{layer}.weight" in tensors:
        if layer > 0:
            x = torch.relu(x)
        x = torch.nn.functional.linear(x, tensors[f"head.{layer}.weight"], tensors[f"head.{layer}.bias"])
        layer += 1
    loss = torch.nn.functional.cross_entropy(x, labels)
print(float(loss), float((x.argmax(1) == labels).float().mean()))
