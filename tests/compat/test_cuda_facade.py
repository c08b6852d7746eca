"""torch.cuda with two pretended GPUs: what rushlight asks of CuPy and makes of the answers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import rushlight
from rushlight import accelerator, cuda
from rushlight.backend.cuda import runtime


class Pretended:
    """As much of CuPy as `torch.cuda` uses. Memory: {GPU: [bytes used, bytes held]}."""

    def __init__(self):
        self.current = 0
        self.log = []
        self.pools = {0: [0, 0], 1: [0, 0]}
        fake = self

        class Device:
            def __init__(self, index):
                self.index = index

            def use(self):
                fake.current = self.index

            def synchronize(self):
                fake.log.append(f"synchronize {self.index}")

            def __enter__(self):
                self.outer, fake.current = fake.current, self.index

            def __exit__(self, *exc):
                fake.current = self.outer

        class Stream:
            done = True
            ptr = 1234

            def __init__(self, non_blocking=False, priority=0):
                fake.log.append(f"stream on {fake.current} priority {priority}")

            def wait_event(self, event):
                fake.log.append("wait")

            def __enter__(self):
                fake.log.append("enter")

            def __exit__(self, *exc):
                fake.log.append("exit")

        Stream.null = Stream()

        class Event:
            def __init__(self, block=False, disable_timing=False, interprocess=False):
                fake.log.append(f"event timing {not disable_timing}")

            def record(self, stream):
                fake.log.append("record")

        def properties(index):
            return {
                "name": f"Pretended {index}".encode(),
                "major": 7 + index,
                "minor": 0,
                "totalGlobalMem": 8 * 2**30,
                "multiProcessorCount": 10,
                "warpSize": 32,
                "maxThreadsPerMultiProcessor": 2048,
                "sharedMemPerBlock": 49152,
                "l2CacheSize": 2**20,
            }

        self.cuda = SimpleNamespace(
            Device=Device,
            Stream=Stream,
            Event=Event,
            get_current_stream=lambda index: Stream.null,
            get_elapsed_time=lambda start, end: 1.5,
            runtime=SimpleNamespace(
                getDeviceCount=lambda: 2,
                getDevice=lambda: self.current,
                getDeviceProperties=properties,
                runtimeGetVersion=lambda: 12090,
                memGetInfo=lambda: (100 + self.current, 200),
            ),
        )

    def get_default_memory_pool(self):
        return self

    def used_bytes(self):
        return self.pools[self.current][0]

    def total_bytes(self):
        return self.pools[self.current][1]

    def free_all_blocks(self):
        self.pools[self.current][1] = self.pools[self.current][0]


@pytest.fixture
def cupy(monkeypatch):
    fake = Pretended()
    monkeypatch.setattr(runtime, "_probe", lambda: (fake, ""))
    monkeypatch.setattr(runtime, "_started", False)
    monkeypatch.setattr("rushlight.cuda.memory._peaks", type(cuda.memory._peaks)(int))
    fake.log.clear()
    return fake


def test_devices(cupy):
    assert cuda.is_available()
    assert cuda.device_count() == 2
    assert not cuda.is_initialized()
    assert cuda.get_device_name("cuda:1") == "Pretended 1"
    assert cuda.is_initialized()
    assert cuda.get_device_capability() == (7, 0)
    assert cuda.get_device_properties(1).total_memory == 8 * 2**30
    assert cuda.get_arch_list() == ["sm_70", "sm_80"]
    assert cuda.is_bf16_supported()
    assert not cuda.is_bf16_supported(including_emulation=False)
    assert rushlight.version.cuda == "12.9"


def test_the_current_device(cupy):
    with cuda.device("cuda:1"):
        assert cuda.current_device() == 1
        assert cuda.is_bf16_supported(including_emulation=False)
        cuda.synchronize()
    assert cuda.current_device() == 0
    cuda.synchronize(rushlight.device("cuda", 1))
    assert cupy.log == ["synchronize 1", "synchronize 1"]
    cuda.set_device(1)
    assert cuda.current_device() == 1
    assert accelerator.current_device_index() == 1
    assert accelerator.current_accelerator() == rushlight.device("cuda")
    assert accelerator.get_device_module() is cuda
    cuda.set_device(-1)
    assert cuda.current_device() == 1


def test_memory_and_its_peak(cupy):
    cupy.pools[1] = [300, 500]
    assert cuda.memory_allocated(1) == 300
    assert cuda.memory_reserved("cuda:1") == 500
    assert cuda.memory_allocated() == cuda.max_memory_allocated() == 0
    assert cuda.mem_get_info(1) == (101, 200)
    cuda.empty_cache()
    assert cuda.memory_reserved(1) == 300
    assert cuda.max_memory_allocated(1) == 500
    assert cuda.memory_stats(1)["reserved_bytes.all.peak"] == 500
    cuda.reset_peak_memory_stats(1)
    assert cuda.max_memory_reserved(1) == 300


def test_streams_and_events(cupy):
    with cuda.stream(cuda.Stream("cuda:1", priority=-1)) as nothing:
        assert nothing is None
    start, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
    start.record()
    cuda.current_stream().wait_event(start)
    cuda.current_stream().wait_stream(cuda.default_stream())
    assert start.elapsed_time(end) == 1.5
    assert cuda.current_stream() == cuda.default_stream()
    assert cuda.current_stream().device == rushlight.device("cuda:0")
    assert cupy.log == [
        "stream on 1 priority -1",
        "enter",
        "exit",
        "event timing True",
        "event timing True",
        "record",
        "wait",
        "event timing False",
        "record",
        "wait",
    ]
