"""Loads the TorchScript file that `thaw export-model -o model.pt` wrote, as a user would, and compares what it says of
photos of the network's own size with what `thaw predict --json` said: one photo at a time and all at once.

    exported_script.py FILE.pt PREDICTIONS.json        (exit code 77: no PyTorch here)

Prints the largest difference of a probability.
"""
import json
import pathlib
import sys

try:
    import numpy
    import torch
    from PIL import Image
except ImportError as error:
    print(error)
    sys.exit(77)

extra = {"thaw.json": ""}
network = torch.jit.load(sys.argv[1], _extra_files=extra)
classes = json.loads(json.loads(extra["thaw.json"])["classes"])
said = json.loads(pathlib.Path(sys.argv[2]).read_text())
assert said["classes"] == classes, (said["classes"], classes)
pixels = [numpy.asarray(Image.open(photo["photo"]).convert("RGB")).transpose(2, 0, 1) for photo in said["photos"]]
x = torch.tensor(numpy.stack(pixels))
wanted = torch.tensor([[photo["probabilities"][name] for name in classes] for photo in said["photos"]])
with torch.no_grad():
    together = torch.softmax(network(x), 1)
    alone = torch.cat([torch.softmax(network(one[None]), 1) for one in x])
print(float(max((together - wanted).abs().max(), (alone - wanted).abs().max())))
