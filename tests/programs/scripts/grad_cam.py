"""Hooks: Grad-CAM, features, adversarial examples by FGSM, saliency, and TensorBoard's writer."""

import handwriting
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter

args = handwriting.options("Grad-CAM", images=320)
torch.manual_seed(0)
train_set, test_set = handwriting.load(args, args.images, 100)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 5), nn.ReLU(inplace=True), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding="same"), nn.ReLU(),
        )  # fmt: skip
        self.dropout = nn.Dropout2d(0.2)
        self.classifier = nn.Linear(16, 10)

    def forward(self, x):
        x = self.dropout(self.features(x))
        return self.classifier(F.adaptive_avg_pool2d(x, 1).flatten(1))


class GradCAM:
    def __init__(self, model, layer):
        self.model = model
        self.handles = [
            layer.register_forward_hook(self.keep_activation),
            layer.register_full_backward_hook(self.keep_gradient),
        ]

    def keep_activation(self, module, inputs, output):
        self.activation = output

    def keep_gradient(self, module, grad_input, grad_output):
        self.gradient = grad_output[0]

    def __call__(self, x, label=None):
        out = self.model(x)
        label = out.argmax(1) if label is None else label
        self.model.zero_grad()
        out.gather(1, label.view(-1, 1)).sum().backward()
        weights = self.gradient.mean(dim=(2, 3), keepdim=True)
        cam = F.relu((weights * self.activation).sum(1, keepdim=True)).detach()
        cam = F.interpolate(cam, size=x.shape[2:], mode="bilinear", align_corners=False)
        low, high = cam.amin((2, 3), keepdim=True), cam.amax((2, 3), keepdim=True)
        return (cam - low) / (high - low + 1e-8)

    def release(self):
        for handle in self.handles:
            handle.remove()


model = Net()
writer = SummaryWriter("runs/grad_cam")
optimizer = torch.optim.NAdam(model.parameters(), lr=5e-3)
step = 0
for epoch in range(2):
    for x, y in DataLoader(train_set, batch_size=32, shuffle=True):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        writer.add_scalar("loss/train", loss.item(), step)
        step += 1
    for name, p in model.named_parameters():
        writer.add_histogram(name, p, epoch)
    print(f"epoch {epoch} loss {loss.item():.4f}")
writer.add_image("digit", test_set[0][0].sub(test_set[0][0].min()), 0)
writer.close()

model.eval()
x, y = test_set.tensors[0][:16], test_set.tensors[1][:16]
shapes = {}
hooks = [m.register_forward_hook(lambda m, i, o, n=n: shapes.update({n: tuple(o.shape)}))
         for n, m in model.named_modules() if not list(m.children())]  # fmt: skip
model(x)
for hook in hooks:
    hook.remove()
for name, shape in shapes.items():
    print(f"{name:14} {shape}")
cam = GradCAM(model, model.features[3])
heat = cam(x, y)
print(tuple(heat.shape), f"mean {heat.mean():.4f}, on ink {heat[x > 0].mean():.4f}")
cam.release()

x.requires_grad = True
F.nll_loss(F.log_softmax(model(x), 1), y).backward()
saliency = x.grad.data.abs().amax(1)
print(f"saliency {saliency.sum().item():.4f}")
for epsilon in (0, 0.1, 0.3):
    perturbed = torch.clamp(x + epsilon * x.grad.sign(), x.min().item(), x.max().item())
    print(f"FGSM {epsilon}: loss {F.cross_entropy(model(perturbed), y).item():.4f}")
grads = []
w = model.classifier.weight
handle = w.register_hook(lambda g: grads.append(g.norm().item()))
F.cross_entropy(model(x), y).backward()
handle.remove()
print(f"tensor hook saw {grads[0]:.4f}")
