"""K-fold cross-validation, distillation, SWA and EMA, learning-rate finder, accumulation, clipping."""

import copy

import handwriting
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn, update_bn
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

# Nearest neighbours and folds of few images show differences of rounding.
torch.set_default_dtype(torch.float64)
args = handwriting.options("training tricks", images=300)
torch.manual_seed(0)
train_set, test_set = handwriting.load(args, args.images, 150)


def mlp(width):
    return nn.Sequential(nn.Flatten(), nn.Linear(784, width), nn.BatchNorm1d(width), nn.ReLU(),
                         nn.Linear(width, 10))  # fmt: skip


def reset_weights(m):
    for layer in m.children():
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()


def fit(model, loader, optimizer, epochs, accumulate=1):
    model.train()
    for _ in range(epochs):
        for i, (x, y) in enumerate(loader):
            loss = F.cross_entropy(model(x), y) / accumulate
            loss.backward()
            if (i + 1) % accumulate == 0 or i + 1 == len(loader):
                nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
                optimizer.step()
                optimizer.zero_grad()
    return loss.item() * accumulate


@torch.no_grad()
def score(model, dataset):
    model.eval()
    x, y = next(iter(DataLoader(dataset, batch_size=len(dataset))))
    out = model(x)
    return F.cross_entropy(out, y).item(), (out.argmax(1) == y).float().mean().item()


# k folds
everything = ConcatDataset([train_set, test_set])
folds = np.array_split(np.random.RandomState(0).permutation(len(everything)), 3)
results = {}
network = mlp(16)
for fold, test_ids in enumerate(folds):
    train_ids = np.concatenate([f for i, f in enumerate(folds) if i != fold])
    loader = DataLoader(everything, batch_size=25, sampler=SubsetRandomSampler(train_ids))
    network.apply(reset_weights)
    fit(network, loader, torch.optim.Adam(network.parameters(), lr=1e-2), 2)
    loss, accuracy = score(network, Subset(everything, test_ids))
    results[fold] = accuracy
    print(f"fold {fold}: {len(train_ids)} images, loss {loss:.4f}")
print(f"average accuracy {np.mean(list(results.values())):.3f}")

# distillation
teacher, student = mlp(64), mlp(8)
loader = DataLoader(train_set, batch_size=50, shuffle=True)
print(f"teacher {fit(teacher, loader, torch.optim.Adam(teacher.parameters(), lr=5e-3), 3):.4f}")
teacher.eval()
optimizer = torch.optim.SGD(student.parameters(), lr=0.1, momentum=0.9)
T, alpha = 4.0, 0.7
for epoch in range(3):
    for x, y in loader:
        with torch.no_grad():
            soft = F.softmax(teacher(x) / T, dim=1)
        out = student(x)
        distill = F.kl_div(F.log_softmax(out / T, dim=1), soft, reduction="batchmean") * T * T
        loss = alpha * distill + (1 - alpha) * F.cross_entropy(out, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"student {epoch} loss {loss.item():.4f} test {score(student, test_set)[0]:.4f}")
    student.train()

# averages of weights
model = mlp(16)
swa_model = AveragedModel(model)
ema_model = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
swa_scheduler = SWALR(optimizer, swa_lr=0.05, anneal_epochs=2)
for epoch in range(5):
    fit(model, loader, optimizer, 1, accumulate=2)
    ema_model.update_parameters(model)
    if epoch > 1:
        swa_model.update_parameters(model)
        swa_scheduler.step()
    else:
        scheduler.step()
update_bn(loader, swa_model)
print(f"model {score(model, test_set)[0]:.4f} swa {score(swa_model, test_set)[0]:.4f} "
      f"ema {score(ema_model, test_set)[0]:.4f} averaged {swa_model.n_averaged.item()}")  # fmt: skip

# learning-rate finder
state = copy.deepcopy(model.state_dict())
optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
finder = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: 10 ** (i / 2))
history = []
for x, y in loader:
    history.append((optimizer.param_groups[0]["lr"], fit(model, [(x, y)], optimizer, 1)))
    finder.step()
print(f"lr finder: last {history[-1][0]:.4f} {history[-1][1]:.4f}")
model.load_state_dict(state)

# balanced batches
labels = train_set.tensors[1]
weights = (1.0 / torch.bincount(labels).float())[labels]
sampler = WeightedRandomSampler(weights, 100, replacement=True)
seen = torch.cat([y for _, y in DataLoader(train_set, batch_size=20, sampler=sampler)])
print(torch.bincount(seen, minlength=10))


def collate(batch):
    images, targets = zip(*batch)
    return {"x": torch.stack(images).flatten(1), "y": torch.tensor(targets), "n": len(batch)}


batch = next(iter(DataLoader(TensorDataset(*train_set.tensors), batch_size=7, collate_fn=collate)))
print({k: (tuple(v.shape) if torch.is_tensor(v) else v) for k, v in batch.items()})
