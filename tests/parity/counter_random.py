"""thaw's counter-based random numbers (common/util/random.hpp) in numpy, and tensors filled with them."""
import numpy as np

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix(z):
    z = z + GOLDEN
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def key_of(seed, purpose, *indices):
    with np.errstate(over="ignore"):
        key = mix(np.uint64(seed))
        hashed = np.uint64(0xCBF29CE484222325)
        for byte in purpose.encode():
            hashed = (hashed ^ np.uint64(byte)) * np.uint64(0x100000001B3)
        key = mix(key ^ hashed)
        for index in indices:
            key = mix(key ^ (np.uint64(index) + np.uint64(0x632BE59BD9B4E019)))
        return key


def bits(count, seed, purpose, *indices):
    with np.errstate(over="ignore"):
        return mix(key_of(seed, purpose, *indices) + np.arange(count, dtype=np.uint64) * GOLDEN)


def uniform(count, seed, purpose, *indices):
    """In [0, 1)."""
    return (bits(count, seed, purpose, *indices) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def within(shape, low, high, purpose, seed=1):
    """float32, uniform in [low, high), a function of the purpose and the position alone."""
    values = low + uniform(int(np.prod(shape)), seed, purpose) * (high - low)
    return values.astype(np.float32).reshape(shape)


def network_tensor(name, shape, normalizes):
    """What tests/worker/network/filled_tensors.hpp puts into the tensor `name`: He uniform weights, as random_tensors()
    draws them, but batch-norms and biases that are not the identity. The last batch-norm of a bottleneck is weak, or the
    sums of fifty blocks would grow until biases are lost in them; those of MobileNetV3 are somewhat, for its hard gates."""
    prefix, part = name.rsplit(".", 1)
    if name.endswith(".bn3.weight"):
        return within(shape, 0.1, 0.4, name)
    if ".block." in name and part == "weight" and normalizes:
        return within(shape, 0.4, 1.2, name)
    if part in ("running_var", "weight") and normalizes:
        return within(shape, 0.5, 1.5, name)
    if part != "weight":
        return within(shape, -0.3, 0.3, name)
    limit = np.sqrt(6.0 / np.prod(shape[1:]))
    return ((2 * uniform(int(np.prod(shape)), 1, prefix) - 1) * limit).astype(np.float32).reshape(shape)


def glorot(layer, inputs, outputs, seed=1):
    """A dense layer's start, [outputs, inputs], as initialize_head (worker/heads/head_layout.hpp) draws it."""
    limit = np.sqrt(6.0 / (inputs + outputs))
    return ((2 * uniform(inputs * outputs, seed, "head", layer) - 1) * limit).reshape(outputs, inputs)
