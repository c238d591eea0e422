"""Trains networks on distilled images, as recorded or as on any data set, and tests them on real ones.

    python train.py --data FOLDER                      # the order and the rates of the distillation
    python train.py --data FOLDER --training standard  # shuffled minibatches, fresh networks

FOLDER has t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, or both as .gz; for a table it is a CSV file
with a column for the label. Without --data torchvision loads the test images of MNIST, Fashion-MNIST, CIFAR-10,
SVHN and USPS. All else is in this folder: distilled.safetensors, distilled.json and network.py. It takes PyTorch
1.13 or later.
"""

import argparse
import csv
import gzip
import json
import math
import struct
from pathlib import Path

import torch
import torch.nn.functional as F

from network import NETWORKS

# A few large steps grow differences of rounding: in float32 they would decide up to a percent of accuracy.
torch.set_default_dtype(torch.float64)

HERE = Path(__file__).resolve().parent

# Standard training: what is usual for 10 or 100 images.
EPOCHS, BATCH, RATE, MOMENTUM = 300, 32, 0.01, 0.9


def read_safetensors(path):
    """Arrays by name: a header of JSON with types, shapes and places, then the numbers."""
    data = bytearray(Path(path).read_bytes())
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    arrays = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        count, offset = (end - begin) // 4, 8 + length + begin
        numbers = torch.frombuffer(data, dtype=torch.float32, count=count, offset=offset) if count else torch.empty(0)
        arrays[name] = numbers.reshape(entry["shape"]).double()
    return arrays


def cross_entropy(z, y):
    return -(y * F.log_softmax(z, dim=1)).sum(dim=1).mean()


def sigmoid_cross_entropy(z, y):
    return F.binary_cross_entropy_with_logits(z[:, 0], y[:, 1])  # one output, the logit of class 1


def half_squared_distance(z, y):
    return 0.5 * ((z - y) ** 2).sum(dim=1).mean()


LOSSES = {"softmax": cross_entropy, "sigmoid": sigmoid_cross_entropy, "mse": half_squared_distance}


class Distilled:
    """The distilled images, their labels, and how they were distilled to be trained on."""

    def __init__(self):
        self.how = json.loads((HERE / "distilled.json").read_text())
        self.arrays = read_safetensors(HERE / "distilled.safetensors")
        self.images, self.labels = self.arrays["images"], self.arrays["labels"]
        self.loss = LOSSES[self.how["loss"]]

    def gradients(self, forward, weights, batch):
        """Of the loss on some of the images, in the weights."""
        loss = self.loss(forward(weights, self.images[batch]), self.labels[batch])
        return torch.autograd.grad(loss, list(weights.values()))

    def as_recorded(self, forward, weights):
        """A gradient step on the images of each step, at the rate that was learned for it."""
        how, rule = self.how, self.how["optimizer"]
        first = [torch.zeros_like(weight) for weight in weights.values()]
        second = [torch.zeros_like(weight) for weight in weights.values()]
        for t, (step, rate) in enumerate(zip(how["order"], how["learning_rates"])):
            if how["inner_batch"] > 0:
                batch = torch.randperm(len(self.images))[: how["inner_batch"]]
            else:
                batch = slice(step * how["images_per_step"], (step + 1) * how["images_per_step"])
            gradients = self.gradients(forward, weights, batch)
            with torch.no_grad():
                for weight, gradient, m, v in zip(weights.values(), gradients, first, second):
                    if rule["name"] == "gd":
                        weight -= rate * gradient
                    elif rule["name"] == "momentum":
                        m.mul_(rule["momentum"]).add_(gradient)
                        weight -= rate * m
                    else:
                        m.mul_(rule["beta1"]).add_((1 - rule["beta1"]) * gradient)
                        v.mul_(rule["beta2"]).add_((1 - rule["beta2"]) * gradient**2)
                        m_hat, v_hat = m / (1 - rule["beta1"] ** (t + 1)), v / (1 - rule["beta2"] ** (t + 1))
                        weight -= rate * m_hat / (torch.sqrt(v_hat + rule["eps_root"]) + 1e-8)

    def as_standard(self, forward, weights):
        """Shuffled minibatches, and gradient descent with momentum."""
        optimizer = torch.optim.SGD(list(weights.values()), lr=RATE, momentum=MOMENTUM)
        size = min(BATCH, len(self.images))
        for _ in range(EPOCHS):
            order = torch.randperm(len(self.images))
            for at in range(0, len(order) - size + 1, size):
                gradients = self.gradients(forward, weights, order[at : at + size])
                for weight, gradient in zip(weights.values(), gradients):
                    weight.grad = gradient
                optimizer.step()


def drawn(parameters, how):
    """Fresh weights by name, as the run drew them."""
    weights = {}
    for name, shape, kind in parameters:
        weight = torch.zeros(shape)
        if kind == "weight":
            fan_in = math.prod(shape[1:])
            draw(weight, how["init_method"], how["init_param"])
        elif kind == "one":
            weight.fill_(1)
        elif kind == "bias" and how["init_method"] == "default":
            weight.uniform_(-1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in))
        weights[name] = weight.requires_grad_()
    return weights


def draw(weight, method, param):
    init = torch.nn.init
    if method == "xavier_normal":
        init.xavier_normal_(weight, gain=param)
    elif method == "xavier_uniform":
        init.xavier_uniform_(weight, gain=param)
    elif method in ("kaiming_fan_in", "kaiming_fan_out"):
        init.kaiming_normal_(weight, mode=method.removeprefix("kaiming_"), nonlinearity="relu")
    elif method == "normal":
        init.normal_(weight, std=param)
    elif method == "orthogonal":
        init.orthogonal_(weight, gain=param)
    else:  # PyTorch's own
        bound = 1 / math.sqrt(math.prod(weight.shape[1:]))
        init.uniform_(weight, -bound, bound)


def initial_networks(parameters, distilled, options):
    """The weights that training starts from, network by network."""
    how = distilled.how
    recorded = options.training == "recorded"
    if recorded and how["init"] == "fixed":
        known = {name[5:]: array for name, array in distilled.arrays.items() if name.startswith("init/")}
        yield {name: known[name].requires_grad_() for name, _, _ in parameters}
        return
    count = options.networks or 20
    if recorded and how["pretrained"]:
        if options.init is None:
            raise SystemExit(f"Cannot train: got no --init, expected {how['pretrained']['file']}, the trained networks")
        trained = read_safetensors(options.init)
        for r in range(-count, 0):  # the last of the file were held out
            yield {name: trained[name][r].clone().requires_grad_() for name, _, _ in parameters}
        return
    for _ in range(count):
        yield drawn(parameters, how)


def read_idx(folder, name):
    for path in (Path(folder) / name, Path(folder) / f"{name}.gz"):
        if path.exists():
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            shape = struct.unpack(f">{data[3]}I", data[4 : 4 + 4 * data[3]])
            return torch.frombuffer(bytearray(data[4 + 4 * data[3] :]), dtype=torch.uint8).reshape(shape)
    raise SystemExit(f"Cannot read {name} in {folder}: got no such file, expected it as it is or as .gz")


def read_table(path, how):
    """Rows [N, D, 1, 1] and labels of a CSV file."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    label = next(name for name in ("label", "labels", "class", "target") if name in rows[0])
    numbers = torch.tensor([[float(row[column]) for column in how["columns"]] for row in rows])
    return numbers[:, :, None, None], torch.tensor([how["class_names"].index(row[label]) for row in rows])


def from_torchvision(name):
    import torchvision.datasets as datasets

    root = str(Path.home() / ".cache" / "torchvision")
    kinds = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "cifar10": "CIFAR10", "usps": "USPS"}
    if name == "svhn":
        found = datasets.SVHN(root, split="test", download=True)
        return torch.as_tensor(found.data), torch.as_tensor(found.labels)
    if name not in kinds:
        raise SystemExit(f"Cannot test on {name}: got no --data, expected a folder of IDX files")
    found = getattr(datasets, kinds[name])(root, train=False, download=True)
    data = torch.as_tensor(found.data)
    if name == "cifar10":
        data = data.permute(0, 3, 1, 2)
    return data, torch.as_tensor(found.targets)


def test_data(options, distilled):
    """Real images as networks see them, [N, C, H, W], and their classes [N]."""
    how = distilled.how
    if how["columns"]:
        if options.data is None:
            raise SystemExit("Cannot test: got no --data, expected a CSV file of rows to test on")
        images, labels = read_table(options.data, how)
    else:
        if options.data is None:
            images, labels = from_torchvision(how["dataset"])
        else:
            images = read_idx(options.data, "t10k-images-idx3-ubyte")
            labels = read_idx(options.data, "t10k-labels-idx1-ubyte")
        images = images if images.dim() == 4 else images[:, None]
        images = formed(images.double(), how) / 255
    mean, std = (torch.tensor(how[key]).reshape(-1, 1, 1) for key in ("mean", "std"))
    images = (images - mean) / std
    if how["zca"] is not None:
        matrix, centre = distilled.arrays["zca/matrix"], distilled.arrays["zca/mean"]
        images = ((images.flatten(1) - centre) @ matrix.T).reshape(images.shape)
    return images, labels.long()


def formed(images, how):
    """Bytes resized, in as many channels as the distilled images have, in a frame of zeros."""
    if how["resize"] > 0 and images.shape[-2:] != (how["resize"], how["resize"]):
        size = (how["resize"], how["resize"])
        images = F.interpolate(images, size=size, mode="bilinear", antialias=True).round()
    channels = how["image_shape"][0]
    if channels == 1 and images.shape[1] == 3:
        images = (images * torch.tensor([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1)).sum(1, keepdim=True).round()
    return F.pad(images.expand(-1, channels, -1, -1), [how["pad"]] * 4)


@torch.no_grad()
def accuracy(forward, weights, images, labels):
    right = 0
    for at in range(0, len(images), 1000):
        z = forward(weights, images[at : at + 1000])
        found = z.argmax(dim=1) if z.shape[1] > 1 else (z[:, 0] > 0).long()
        right += (found == labels[at : at + 1000]).sum().item()
    return 100 * right / len(images)


def described(accuracies):
    values = torch.tensor(accuracies, dtype=torch.float64)
    spread = f" ± {values.std(unbiased=False):.2f}" if len(values) > 1 else ""
    return f"{values.mean():.2f}{spread} %"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder of IDX files, or of a table a CSV file, to test on")
    parser.add_argument("--training", choices=["recorded", "standard"], help="how networks train")
    parser.add_argument("--networks", type=int, help="networks to train, where it is not one known network (20)")
    parser.add_argument("--init", help="safetensors file of the trained networks that the images are for")
    parser.add_argument("--seed", type=int, default=1, help="seed of everything random")
    parser.add_argument("--save", help="write the weights of the last network, by torch.save")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    distilled = Distilled()
    recordable = len(distilled.how["learning_rates"]) > 0
    options.training = options.training or ("recorded" if recordable else "standard")
    if options.training == "recorded" and not recordable:
        raise SystemExit("Cannot train as recorded: got no recorded steps, expected --training standard")
    images, labels = test_data(options, distilled)
    for name, parameters, forward in NETWORKS:
        before, after = [], []
        for weights in initial_networks(parameters, distilled, options):
            before.append(accuracy(forward, weights, images, labels))
            if options.training == "recorded":
                distilled.as_recorded(forward, weights)
            else:
                distilled.as_standard(forward, weights)
            after.append(accuracy(forward, weights, images, labels))
        networks = f"{len(after)} network{'' if len(after) == 1 else 's'}"
        print(f"{name}, {options.training} training: {described(before)} before, {described(after)} after ({networks})")
    if options.save:
        torch.save({key: weight.detach() for key, weight in weights.items()}, options.save)


if __name__ == "__main__":
    main()
