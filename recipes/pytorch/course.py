# SPDX-License-Identifier: LGPL-2.1-or-later
"""Several learners on the same batches, with what their teachers say of each."""

import time

import numpy as np
import torch

import pictures
from evaluate import answers, four

WARM_UP_STEPS = 4


class Course:
    def __init__(self, learners, teachers, train, valid, batch, augment):
        device = train.pixels.device
        self.learners, self.teachers, self.train, self.valid = learners, teachers, train, valid
        self.batch, self.augment, self.device = batch, augment, device
        self.rows = torch.zeros(batch, dtype=torch.long, device=device)
        self.identity = torch.eye(3, device=device)[:2]
        self.graph = None

    def step(self):
        with torch.no_grad():
            aligned = torch.rand(self.batch, 1, 1, device=self.device) < 0.5
            maps = torch.where(aligned, self.train.maps[self.rows], self.identity)
            x = pictures.augment(self.train.pixels[self.rows].float(), maps, self.augment)
            x = x.contiguous(memory_format=torch.channels_last)
            said = self.ask(x) if self.teachers else None
        for learner in self.learners:
            learner.step(x, self.train.labels[self.rows], self.train.votes[self.rows], said)

    def ask(self, x):
        """Every second teacher looks at the mirror image."""
        with torch.autocast(x.device.type, torch.bfloat16, enabled=x.is_cuda, cache_enabled=False):
            return torch.stack([t(x.flip(3) if i % 2 else x) for i, t in enumerate(self.teachers)]).float()

    def capture(self):
        """The whole step as one CUDA graph: its hundreds of small kernels are otherwise limited by their launches."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        self.set_rates(0)
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP_STEPS):
                self.step()
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.step()

    def set_rates(self, progress):
        for learner in self.learners:
            learner.set_rate(learner.training["optimiser"]["rate"] * progress)

    def epoch(self, number, epochs):
        steps = self.train.n // self.batch
        order = torch.randperm(self.train.n, device=self.device)
        for k in range(steps):
            at = number + k / steps
            self.set_rates(at if number == 0 else 0.5 + 0.5 * np.cos(np.pi * (at - 1) / (epochs - 1)))
            self.rows.copy_(order[k * self.batch:(k + 1) * self.batch])
            if self.graph:
                self.graph.replay()
            else:
                self.step()

    def note(self, learner, number, seconds, show):
        """Once an epoch; @show: with a look at the rows that are kept back."""
        n = self.train.n // self.batch * self.batch
        train_loss, train_accuracy = learner.take_sums(n // self.batch, n)
        if not show:
            return
        learner.swap()
        learner.net.eval()
        valid, p = four([learner.net], self.valid), answers([learner.net], self.valid, False, False)
        learner.net.train()
        learner.swap()
        loss = -p.gather(1, self.valid.labels[:, None]).clamp(min=1e-30).log().mean().item()
        print(f"epoch {number}: {learner.name}: loss {train_loss:.4f}, accuracy {train_accuracy * 100:.2f} %; "
              "validation " + ", ".join(f"{v:.2f}" for v in valid) + f"; {seconds:.2f} s an epoch", flush=True)
        learner.log.append(f"{number},{learner.rate.item():.6g},{train_loss:.6f},{train_accuracy:.6f},{loss:.6f},"
                           f"{valid[0] / 100:.6f},{seconds:.3f}")

    def run(self, epochs, every):
        for learner in self.learners:
            learner.net.train()
        if self.device.type == "cuda":
            self.capture()
        for number in range(epochs):
            before = time.monotonic()
            self.epoch(number, epochs)
            if self.device.type == "cuda":
                torch.cuda.synchronize()
            seconds = time.monotonic() - before
            for learner in self.learners:
                self.note(learner, number + 1, seconds, (number + 1) % every == 0 or number + 1 == epochs)
        for learner in self.learners:
            learner.swap()
            learner.net.eval()
            learner.net.requires_grad_(False)
