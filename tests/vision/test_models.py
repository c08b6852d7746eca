"""Classifiers of images."""

from __future__ import annotations

import warnings

import pytest

import rushlight as rl
from rushlight import hub
from rushlight.vision import models

SMALL = [
    ("resnet18", {"num_classes": 7}),
    ("resnet50", {"num_classes": 3, "replace_stride_with_dilation": [False, True, True]}),
    ("resnext50_32x4d", {"num_classes": 3, "zero_init_residual": True}),
    ("mobilenet_v2", {"num_classes": 3, "width_mult": 0.5}),
]


@pytest.mark.parametrize(("name", "options"), SMALL)
def test_the_same_as_torchvision(torch, name, options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = pytest.importorskip("torchvision.models")
    rl.manual_seed(0)
    torch.manual_seed(0)
    ours, other = getattr(models, name)(**options), getattr(theirs, name)(**options)
    assert repr(ours) == repr(other)
    state = other.state_dict()
    assert list(ours.state_dict()) == list(state)
    for key, value in ours.state_dict().items():
        assert value.shape == tuple(state[key].shape)
        rl.testing.assert_close(value, rl.tensor(state[key].numpy()), rtol=1e-4, atol=1e-5)
    x = rl.randn(2, 3, 32, 32)
    with rl.no_grad(), torch.no_grad():
        wanted = other.eval()(torch.tensor(x.numpy()))
        rl.testing.assert_close(ours.eval()(x), rl.tensor(wanted.numpy()), rtol=1e-3, atol=1e-3)


def test_vgg_and_alexnet_have_the_sizes_of_the_papers():
    with rl.device("meta"):
        vgg16, alexnet = models.vgg16(), models.alexnet()
    assert sum(p.numel() for p in vgg16.parameters()) == 138357544
    assert sum(p.numel() for p in alexnet.parameters()) == 61100840
    assert models.vgg.make_layers([8, "M"], batch_norm=True)(rl.zeros(1, 3, 4, 4)).shape[1] == 8


def test_another_head():
    model = models.resnet18()
    model.fc = rl.nn.Linear(model.fc.in_features, 2)
    features = rl.nn.Sequential(*list(model.children())[:-1]).eval()
    assert features(rl.zeros(1, 3, 32, 32)).shape == (1, 512, 1, 1)
    assert model.eval()(rl.zeros(1, 3, 32, 32)).shape == (1, 2)


def test_weights_come_by_their_address(tmp_path, monkeypatch):
    kind = models.MobileNet_V2_Weights
    assert kind.DEFAULT is kind.IMAGENET1K_V2
    assert kind.IMAGENET1K_V1.url.endswith("models/mobilenet_v2-b0353104.pth")
    original = models.mobilenet_v2()
    hub.set_dir(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    rl.save(original.state_dict(), tmp_path / "checkpoints" / "mobilenet_v2-b0353104.pth")
    again = models.mobilenet_v2(weights="IMAGENET1K_V1")
    hub._chosen.clear()
    assert rl.equal(again.classifier[1].weight, original.classifier[1].weight)
    preset = kind.IMAGENET1K_V1.transforms()
    assert preset(rl.zeros(3, 300, 280, dtype=rl.uint8)).shape == (3, 224, 224)


def test_weights_that_do_not_fit():
    with pytest.raises(KeyError, match="nope"):
        models.resnet18(weights="nope")
    with pytest.raises(TypeError, match="expected ResNet18_Weights but received ResNet50_Weights"):
        models.resnet18(weights=models.ResNet50_Weights.DEFAULT)
    with pytest.raises(ValueError, match="'num_classes' expected value 1000 but got 3"):
        models.resnet18(weights=models.ResNet18_Weights.DEFAULT, num_classes=3)
    with pytest.warns(UserWarning, match="'pretrained' is deprecated"):
        assert models.mobilenet_v2(pretrained=False, num_classes=2).classifier[1].out_features == 2
