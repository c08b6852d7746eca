"""Vision transformer: einsum patches, class token, pre-norm blocks; OneCycle and mixup."""

import handwriting
import numpy as np
import torch
import torch.nn.functional as F
from torch import einsum, nn
from torch.utils.data import DataLoader

args = handwriting.options("ViT", epochs=2, images=256)
torch.manual_seed(42)
np.random.seed(42)
train_set, test_set = handwriting.load(args, args.images, 128)


def pair(t):
    return t if isinstance(t, tuple) else (t, t)


class Attention(nn.Module):
    def __init__(self, dim, heads=4, dim_head=8, dropout=0.0):
        super().__init__()
        inner_dim = dim_head * heads
        self.heads, self.scale = heads, dim_head**-0.5
        self.norm = nn.LayerNorm(dim)
        self.attend = nn.Softmax(dim=-1)
        self.to_qkv = nn.Linear(dim, inner_dim * 3, bias=False)
        self.to_out = nn.Sequential(nn.Linear(inner_dim, dim), nn.Dropout(dropout))

    def forward(self, x):
        b, n, _ = x.shape
        q, k, v = (
            t.reshape(b, n, self.heads, -1).transpose(1, 2)
            for t in self.to_qkv(self.norm(x)).chunk(3, dim=-1)
        )
        dots = einsum("b h i d, b h j d -> b h i j", q, k) * self.scale
        out = torch.einsum("bhij,bhjd->bhid", self.attend(dots), v)
        return self.to_out(out.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, dim, hidden_dim, dropout=0.0):
        super().__init__()
        self.net = nn.Sequential(
            nn.LayerNorm(dim), nn.Linear(dim, hidden_dim), nn.GELU(), nn.Dropout(dropout),
            nn.Linear(hidden_dim, dim), nn.Dropout(dropout),
        )  # fmt: skip

    def forward(self, x):
        return self.net(x)


class ViT(nn.Module):
    def __init__(self, *, image_size, patch_size, num_classes, dim, depth, mlp_dim, dropout=0.0):
        super().__init__()
        image_height, _ = pair(image_size)
        self.patch, _ = pair(patch_size)
        num_patches = (image_height // self.patch) ** 2
        self.to_patch = nn.Sequential(
            nn.LayerNorm(self.patch**2), nn.Linear(self.patch**2, dim), nn.LayerNorm(dim)
        )
        self.pos_embedding = nn.Parameter(torch.randn(1, num_patches + 1, dim))
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim))
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList([])
        for _ in range(depth):
            self.layers.append(
                nn.ModuleList([Attention(dim, dropout=dropout), FeedForward(dim, mlp_dim, dropout)])
            )
        self.norm = nn.LayerNorm(dim)
        self.mlp_head = nn.Linear(dim, num_classes)

    def forward(self, img):
        p = self.patch
        x = img.unfold(2, p, p).unfold(3, p, p).reshape(img.shape[0], -1, p * p)
        x = self.to_patch(x)
        cls_tokens = self.cls_token.expand(x.shape[0], -1, -1)
        x = self.dropout(torch.cat((cls_tokens, x), dim=1) + self.pos_embedding)
        for attn, ff in self.layers:
            x = attn(x) + x
            x = ff(x) + x
        return self.mlp_head(self.norm(x)[:, 0])


def mixup_data(x, y, alpha=0.2):
    lam = np.random.beta(alpha, alpha)
    index = torch.randperm(x.size()[0])
    return lam * x + (1 - lam) * x[index, :], y, y[index], lam


model = ViT(image_size=28, patch_size=7, num_classes=10, dim=24, depth=2, mlp_dim=48, dropout=0.1)
loader = DataLoader(train_set, batch_size=32, shuffle=True)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
scheduler = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=5e-3, epochs=args.epochs, steps_per_epoch=len(loader)
)
for epoch in range(args.epochs):
    model.train()
    total = 0.0
    for x, y in loader:
        mixed, y_a, y_b, lam = mixup_data(x, y)
        logits = model(mixed)
        loss = lam * F.cross_entropy(logits, y_a) + (1 - lam) * F.cross_entropy(logits, y_b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item()
    print(f"epoch {epoch} loss {total / len(loader):.4f} lr {scheduler.get_last_lr()[0]:.6f} "
          f"momentum {optimizer.param_groups[0]['betas'][0]:.4f}")  # fmt: skip
    model.eval()
    with torch.no_grad():
        x, y = test_set.tensors
        print(f"test loss {F.cross_entropy(model(x), y):.4f}")
