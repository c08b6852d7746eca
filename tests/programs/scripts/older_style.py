"""A program of PyTorch's first years: Variables, tensor types, a summary by hooks, .data."""

from collections import OrderedDict

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.nn.init as init
from torch.autograd import Variable

cuda = torch.cuda.is_available() and False
Tensor = torch.cuda.FloatTensor if cuda else torch.FloatTensor
LongTensor = torch.cuda.LongTensor if cuda else torch.LongTensor
torch.manual_seed(123)
rng = np.random.RandomState(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.lrn = nn.LocalResponseNorm(5)
        self.conv2 = nn.Conv2d(8, 16, 5)
        self.bn = nn.BatchNorm2d(16)
        self.fc1 = nn.Linear(16 * 4 * 4, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        x = self.lrn(self.pool(F.relu(self.conv1(x))))
        x = self.pool(F.relu(self.bn(self.conv2(x))))
        x = x.view(-1, int(np.prod(x.size()[1:])))
        x = F.dropout(F.relu(self.fc1(x)), training=self.training)
        return F.log_softmax(self.fc2(x), dim=1)


def init_weights(m):
    if type(m) is nn.Linear:
        init.xavier_uniform_(m.weight, gain=init.calculate_gain("relu"))
        m.bias.data.fill_(0.01)
    elif m.__class__.__name__.find("Conv") != -1:
        n = m.kernel_size[0] * m.kernel_size[1] * m.out_channels
        m.weight.data.normal_(0, np.sqrt(2.0 / n))
        m.bias.data.zero_()


def summary(model, size):
    layers, hooks = OrderedDict(), []

    def register(module):
        def hook(module, input, output):
            name = str(module.__class__).split(".")[-1].split("'")[0]
            count = sum(torch.prod(torch.LongTensor(list(p.size()))) for p in module.parameters())
            layers["%s-%i" % (name, len(layers) + 1)] = list(output.size()), int(count)

        if module != model:
            hooks.append(module.register_forward_hook(hook))

    model.apply(register)
    model(torch.rand(2, *size).type(Tensor))
    for h in hooks:
        h.remove()
    for name, (shape, count) in layers.items():
        print(f"{name:>22}  {shape!s:>22} {count:>10,}")


net = Net()
net.apply(init_weights)
summary(net, (1, 28, 28))
params = list(net.parameters())
print(len(params), params[0].size(), type(params[0]), type(params[0].data), params[0].data.type())
X = Variable(Tensor(rng.randn(64, 1, 28, 28)))
Y = Variable(LongTensor(rng.randint(0, 10, 64)))
print(type(X), X.size(), Y.type(), isinstance(Y, torch.cuda.LongTensor))
criterion = nn.NLLLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-08)
for epoch in range(3):
    total, correct = 0.0, 0
    for i in range(0, 64, 16):
        inputs, labels = Variable(X.data[i : i + 16]), Variable(Y.data[i : i + 16])
        optimizer.zero_grad()
        outputs = net(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        total += loss.data.item()
        pred = outputs.data.max(1, keepdim=True)[1]
        correct += pred.eq(labels.data.view_as(pred)).cpu().sum()
    print("[%d] loss: %.4f accuracy %d/%d" % (epoch + 1, total / 4, correct, 64))
a = torch.Tensor([[1, 2], [3, 4]])
b = torch.Tensor(2, 2).fill_(2)
print(a.mm(b), torch.addmm(a, a, b), a.t(), a.sub(1).div_(2), a.byte(), a.new(2, 1).zero_())
print(a.type(torch.IntTensor), torch.from_numpy(np.eye(2)).type(torch.FloatTensor), 1 / a, a[a > 2])
