"""ResNets from BasicBlock and Bottleneck, and a MobileNet block, on synthetic colour images."""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

# Batch statistics of few images blow up differences of rounding.
torch.set_default_dtype(torch.float64)


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride=1, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != self.expansion * planes:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_planes, self.expansion * planes, 1, stride=stride, bias=False),
                nn.BatchNorm2d(self.expansion * planes),
            )

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        return F.relu(out)


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, self.expansion * planes, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(self.expansion * planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != self.expansion * planes:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_planes, self.expansion * planes, 1, stride=stride, bias=False),
                nn.BatchNorm2d(self.expansion * planes),
            )

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += self.shortcut(x)
        return F.relu(out)


class Separable(nn.Module):
    """Depthwise conv + Pointwise conv"""

    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(
            in_planes, in_planes, 3, stride=stride, padding=1, groups=in_planes, bias=False
        )
        self.bn1 = nn.BatchNorm2d(in_planes)
        self.conv2 = nn.Conv2d(in_planes, planes, kernel_size=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)

    def forward(self, x):
        out = F.hardswish(self.bn1(self.conv1(x)))
        return F.relu6(self.bn2(self.conv2(out)))


class Net(nn.Module):
    def __init__(self, block, num_blocks, num_classes=4, width=6):
        super().__init__()
        self.in_planes = width
        self.conv1 = nn.Conv2d(3, width, kernel_size=3, stride=1, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layers = nn.Sequential(
            *[self._make_layer(block, width * 2**i, n, min(i + 1, 2))
              for i, n in enumerate(num_blocks)]
        )  # fmt: skip
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(self.in_planes, num_classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
                nn.init.constant_(m.weight, 1)
                nn.init.constant_(m.bias, 0)

    def _make_layer(self, block, planes, num_blocks, stride):
        strides = [stride] + [1] * (num_blocks - 1)
        layers = []
        for stride in strides:
            layers.append(block(self.in_planes, planes, stride))
            self.in_planes = planes * block.expansion
        return nn.Sequential(*layers)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.avgpool(self.layers(out))
        return self.fc(torch.flatten(out, 1))


def images(n, size=16):
    labels = torch.randint(0, 4, (n,))
    wave = torch.sin(torch.arange(size) * (labels.view(-1, 1) + 1) * 0.7)
    x = wave.view(n, 1, 1, size).repeat(1, 3, size, 1) + 0.5 * torch.randn(n, 3, size, size)
    return x, labels


device = "cuda" if torch.cuda.is_available() else "cpu"
for name, block in (("basic", BasicBlock), ("bottleneck", Bottleneck), ("separable", Separable)):
    torch.manual_seed(0)
    x, y = images(96)
    x_test, y_test = images(64)
    net = Net(block, [1, 2, 1]).to(device)
    if device == "cuda":
        net = torch.nn.DataParallel(net)
        torch.backends.cudnn.benchmark = True
    count = sum(p.numel() for p in net.parameters() if p.requires_grad)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = optim.SGD(net.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4, nesterov=True)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=3)
    for epoch in range(3):
        net.train()
        train_loss = correct = total = 0
        for inputs, targets in zip(x.split(16), y.split(16)):
            optimizer.zero_grad()
            outputs = net(inputs)
            loss = criterion(outputs, targets)
            loss.backward()
            optimizer.step()
            train_loss += loss.item()
            _, predicted = outputs.max(1)
            total += targets.size(0)
            correct += predicted.eq(targets).sum().item()
        scheduler.step()
        print(f"{name} {epoch} Loss: {train_loss / 6:.3f} | Acc: {100.0 * correct / total:.3f}%")
    net.eval()
    with torch.no_grad():
        print(f"{name} {count} parameters, test loss {criterion(net(x_test), y_test):.4f}")
