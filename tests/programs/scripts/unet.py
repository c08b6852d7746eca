"""U-Net segmentation of discs with Dice loss, plateau schedule and a checkpoint that resumes."""

import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim
from torch.utils.data import DataLoader, Dataset, random_split

# Batch statistics of few images blow up differences of rounding.
torch.set_default_dtype(torch.float64)


class DoubleConv(nn.Module):
    """(convolution => [BN] => ReLU) * 2"""

    def __init__(self, in_channels, out_channels, mid_channels=None):
        super().__init__()
        if not mid_channels:
            mid_channels = out_channels
        self.double_conv = nn.Sequential(
            nn.Conv2d(in_channels, mid_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(mid_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(mid_channels, out_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x):
        return self.double_conv(x)


class Down(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), DoubleConv(in_channels, out_channels))

    def forward(self, x):
        return self.maxpool_conv(x)


class Up(nn.Module):
    def __init__(self, in_channels, out_channels, bilinear=True):
        super().__init__()
        if bilinear:
            self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
            self.conv = DoubleConv(in_channels, out_channels, in_channels // 2)
        else:
            self.up = nn.ConvTranspose2d(in_channels, in_channels // 2, kernel_size=2, stride=2)
            self.conv = DoubleConv(in_channels, out_channels)

    def forward(self, x1, x2):
        x1 = self.up(x1)
        diffY = x2.size()[2] - x1.size()[2]
        diffX = x2.size()[3] - x1.size()[3]
        x1 = F.pad(x1, [diffX // 2, diffX - diffX // 2, diffY // 2, diffY - diffY // 2])
        return self.conv(torch.cat([x2, x1], dim=1))


class UNet(nn.Module):
    def __init__(self, n_channels, n_classes, bilinear=False, width=6):
        super().__init__()
        factor = 2 if bilinear else 1
        self.inc = DoubleConv(n_channels, width)
        self.down1 = Down(width, 2 * width)
        self.down2 = Down(2 * width, 4 * width // factor)
        self.up1 = Up(4 * width, 2 * width // factor, bilinear)
        self.up2 = Up(2 * width, width, bilinear)
        self.outc = nn.Conv2d(width, n_classes, kernel_size=1)

    def forward(self, x):
        x1 = self.inc(x)
        x2 = self.down1(x1)
        x3 = self.down2(x2)
        return self.outc(self.up2(self.up1(x3, x2), x1))


def dice_coeff(input, target, epsilon=1e-6):
    sum_dim = (-1, -2) if input.dim() == 2 else (-1, -2, -3)
    inter = 2 * (input * target).sum(dim=sum_dim)
    sets_sum = input.sum(dim=sum_dim) + target.sum(dim=sum_dim)
    sets_sum = torch.where(sets_sum == 0, inter, sets_sum)
    return ((inter + epsilon) / (sets_sum + epsilon)).mean()


class Discs(Dataset):
    def __init__(self, n, size=18):
        y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
        centre = torch.randint(4, size - 4, (n, 2, 1, 1))
        radius = torch.randint(2, 5, (n, 1, 1))
        self.masks = (y - centre[:, 0]) ** 2 + (x - centre[:, 1]) ** 2 <= radius**2
        self.images = self.masks.float().unsqueeze(1) + 0.4 * torch.randn(n, 1, size, size)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return {"image": self.images[i], "mask": self.masks[i].long()}


@torch.inference_mode()
def evaluate(net, loader):
    net.eval()
    scores = [dice_coeff(torch.sigmoid(net(b["image"])).squeeze(1).round(), b["mask"].float())
              for b in loader]  # fmt: skip
    net.train()
    return torch.stack(scores).mean()


for bilinear in (False, True):
    torch.manual_seed(0)
    dataset = Discs(60)
    train_set, val_set = random_split(dataset, [48, 12], generator=torch.Generator().manual_seed(0))
    train_loader = DataLoader(train_set, shuffle=True, batch_size=6, drop_last=True)
    val_loader = DataLoader(val_set, batch_size=6)
    model = UNet(1, 1, bilinear).to(memory_format=torch.channels_last)
    optimizer = optim.RMSprop(model.parameters(), lr=2e-3, weight_decay=1e-8, momentum=0.9)
    scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, "max", patience=0)
    for epoch in range(1, 4):
        for batch in train_loader:
            images = batch["image"].to(memory_format=torch.channels_last)
            masks_pred = model(images).squeeze(1)
            loss = F.binary_cross_entropy_with_logits(masks_pred, batch["mask"].float())
            loss = loss + 1 - dice_coeff(torch.sigmoid(masks_pred), batch["mask"].float())
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        score = evaluate(model, val_loader)
        scheduler.step(score)
        print(f"epoch {epoch} loss {loss.item():.4f} dice {score:.4f} "
              f"lr {optimizer.param_groups[0]['lr']:.5f}")  # fmt: skip
        if epoch == 2:
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(),
                        "epoch": epoch, "scheduler": scheduler.state_dict()}, "ckpt.pth")  # fmt: skip
    again = UNet(1, 1, bilinear)
    checkpoint = torch.load("ckpt.pth", map_location="cpu", weights_only=True)
    print(again.load_state_dict(checkpoint["model"]), sorted(checkpoint), checkpoint["epoch"])
    print(f"resumed dice {evaluate(again, val_loader):.4f}")
    os.remove("ckpt.pth")
