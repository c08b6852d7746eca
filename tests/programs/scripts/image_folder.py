"""Images in folders, augmented, and a network whose head is trained on them (torchvision)."""

import os
import tempfile

import numpy as np
import torch
import torch.nn as nn
from PIL import Image
from torchvision import datasets, models, transforms
from torchvision.utils import make_grid, save_image

torch.manual_seed(0)
rng = np.random.RandomState(0)
folder = tempfile.mkdtemp()
for split, count in (("train", 8), ("val", 4)):
    for k, name in enumerate(("ants", "bees")):
        os.makedirs(os.path.join(folder, split, name))
        for i in range(count):
            pixels = rng.rand(10, 12, 3) * 120 + np.array([[60, 0, 0], [0, 0, 90]])[k]
            image = Image.fromarray(pixels.astype(np.uint8)).resize((48, 40), Image.NEAREST)
            image.save(os.path.join(folder, split, name, f"{i}.png"))

steps = {
    "train": [
        transforms.RandomResizedCrop(32),
        transforms.RandomHorizontalFlip(),
        transforms.ColorJitter(0.1, 0.1, 0.1),
    ],
    "val": [transforms.Resize(36), transforms.CenterCrop(32)],
}
normalise = [
    transforms.ToTensor(),
    transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
]
sets = {
    x: datasets.ImageFolder(os.path.join(folder, x), transforms.Compose(steps[x] + normalise))
    for x in steps
}
loaders = {x: torch.utils.data.DataLoader(sets[x], batch_size=4, shuffle=True) for x in steps}
print(sets["val"].transform, sets["train"].classes, sets["train"].class_to_idx, len(sets["train"]))
images, labels = next(iter(loaders["train"]))
print(make_grid(images).shape, [sets["train"].classes[k] for k in labels], f"{images.mean():.4f}")
save_image(images, os.path.join(folder, "batch.png"), nrow=2, normalize=True)
print(Image.open(os.path.join(folder, "batch.png")).size)

model = models.resnet18(weights=None)
for param in model.parameters():
    param.requires_grad = False
model.fc = nn.Linear(model.fc.in_features, 2)
optimizer = torch.optim.SGD(model.fc.parameters(), lr=1e-2, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.1)
criterion = nn.CrossEntropyLoss()
for epoch in range(2):
    for phase in ("train", "val"):
        model.train(phase == "train")
        total, correct = 0.0, 0
        for inputs, labels in loaders[phase]:
            with torch.set_grad_enabled(phase == "train"):
                outputs = model(inputs)
                loss = criterion(outputs, labels)
                if phase == "train":
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
            total += loss.item() * inputs.size(0)
            correct += torch.sum(outputs.argmax(1) == labels.data)
        count = len(sets[phase])
        if phase == "train":
            print(
                f"{epoch} {phase} loss {total / count:.4f} accuracy {correct.double() / count:.3f}"
            )
    scheduler.step()
