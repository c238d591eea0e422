"""Makes lenet.safetensors: a meta-gradient of LeNet by PyTorch, to hold Retort's against.

    python3 tests/golden/make_lenet.py

One network trains on distilled images for STEPS * EPOCHS steps of plain gradient descent; step t
takes block t mod STEPS at its own rate. L is the cross-entropy of real images afterwards. autograd
gives L's gradients in the distilled images, their labels and the rates, through all of training.
Everything is computed in float64 from inputs that float32 holds. Only torch and numpy are needed,
and a second run writes the same bytes.
"""

import json
import pathlib

import torch
from torch.nn.functional import conv2d, linear, log_softmax, max_pool2d

SEED = 20181127
STEPS, EPOCHS, PER_STEP = 3, 2, 4
REAL, CLASSES = 8, 10
TOLERANCE = 1e-5
PARAMETERS = {
    "conv1": (6, 1, 5, 5),
    "conv2": (16, 6, 5, 5),
    "fc1": (120, 400),
    "fc2": (84, 120),
    "fc3": (CLASSES, 84),
}


def draw_inputs():
    """Weights, distilled data, rates and real data, drawn from SEED in float32."""
    torch.manual_seed(SEED)
    inputs = {}
    for name, shape in PARAMETERS.items():
        inputs[f"theta0/{name}.weight"] = torch.nn.init.xavier_normal_(torch.empty(shape))
        inputs[f"theta0/{name}.bias"] = 0.1 * torch.randn(shape[0])
    inputs["images"] = torch.randn(STEPS * PER_STEP, 1, 28, 28)
    inputs["labels"] = torch.randn(STEPS * PER_STEP, CLASSES).mul(2).softmax(dim=1)
    inputs["lrs"] = 0.02 + 0.06 * torch.rand(STEPS * EPOCHS)
    inputs["real_images"] = torch.randn(REAL, 1, 28, 28)
    inputs["real_labels"] = torch.randn(REAL, CLASSES).mul(2).softmax(dim=1)
    return inputs


def lenet(theta, x):
    def layer(op, name, x, **options):
        return op(x, theta[f"{name}.weight"], theta[f"{name}.bias"], **options)

    x = max_pool2d(layer(conv2d, "conv1", x, padding=2).relu(), 2)
    x = max_pool2d(layer(conv2d, "conv2", x).relu(), 2)
    x = layer(linear, "fc1", x.flatten(1)).relu()
    x = layer(linear, "fc2", x).relu()
    return layer(linear, "fc3", x)


def cross_entropy(logits, labels):
    """The mean over images of that of soft labels."""
    return -(labels * log_softmax(logits, dim=1)).sum(dim=1).mean()


def train(theta, images, labels, lrs):
    """theta after all steps, with the graph that leads there."""
    for t, lr in enumerate(lrs):
        start = t % STEPS * PER_STEP
        block = slice(start, start + PER_STEP)
        loss = cross_entropy(lenet(theta, images[block]), labels[block])
        gradients = torch.autograd.grad(loss, list(theta.values()), create_graph=True)
        theta = {name: theta[name] - lr * g for name, g in zip(theta, gradients)}
    return theta


def meta_gradient(inputs, dtype):
    """L and its gradients, computed in dtype."""
    inputs = {name: x.to(dtype, copy=True).requires_grad_() for name, x in inputs.items()}
    theta0 = {f"{name}.{kind}": inputs[f"theta0/{name}.{kind}"]
              for name in PARAMETERS for kind in ("weight", "bias")}
    distilled = [inputs[name] for name in ("images", "labels", "lrs")]
    theta = train(theta0, *distilled)
    loss = cross_entropy(lenet(theta, inputs["real_images"]), inputs["real_labels"])
    d_images, d_labels, d_lrs = torch.autograd.grad(loss, distilled)
    return {
        "loss": loss.detach().reshape(1),
        "d_images": d_images,
        "d_labels": d_labels,
        "d_lrs": d_lrs,
    }


def encode_safetensors(tensors, metadata):
    """The length of a JSON header, the header padded to 8 bytes, and the numbers in float32."""
    header, numbers = {"__metadata__": metadata}, b""
    for name, tensor in tensors.items():
        start = len(numbers)
        numbers += tensor.numpy().astype("<f4").tobytes()
        offsets = [start, len(numbers)]
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": offsets}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + numbers


def main():
    torch.set_num_threads(1)  # one order of summation
    inputs = draw_inputs()
    results = meta_gradient(inputs, torch.float64)
    in_float32 = meta_gradient(inputs, torch.float32)
    print(f"L = {results['loss'].item()}")
    for name, expected in results.items():
        error = ((in_float32[name] - expected).norm() / expected.norm()).item()
        print(f"{name}: float32 is off by {error:.1e}")
        if not error < TOLERANCE:
            raise SystemExit(f"Cannot use {name}: expected float32 within {TOLERANCE} of float64")
    metadata = {
        "about": "A meta-gradient of LeNet by PyTorch in float64, made by make_lenet.py",
        "steps": str(STEPS),
        "epochs": str(EPOCHS),
        "torch": torch.__version__,
    }
    path = pathlib.Path(__file__).with_name("lenet.safetensors")
    path.write_bytes(encode_safetensors({**inputs, **results}, metadata))


if __name__ == "__main__":
    main()
