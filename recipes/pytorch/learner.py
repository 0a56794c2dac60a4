# SPDX-License-Identifier: LGPL-2.1-or-later
"""A network that learns: its weights in one row, so that a step of the optimiser is a few operations."""

import torch
from torch.nn import functional as F

from network import Network


class Learner:
    def __init__(self, name, recipe, seed, device):
        training = recipe["training"]
        torch.manual_seed(seed)
        self.name, self.training = name, training
        self.net = Network(recipe).to(device)
        self.flatten(device)
        self.momentum, self.decay = training["optimiser"]["momentum"], training["optimiser"]["weight_decay"]
        self.rate, self.blend, self.steps = torch.zeros((), device=device), torch.ones((), device=device), 0
        self.loss_sum, self.correct = torch.zeros((), device=device), torch.zeros((), device=device)
        self.log = []

    def flatten(self, device):
        """Parameters, then running statistics, become parts of self.state; gradients of self.gradient."""
        owners = [(m, n, p) for m in self.net.modules() for n, p in m.named_parameters(recurse=False)]
        buffers = [(m, n, b) for m in self.net.modules() for n, b in m.named_buffers(recurse=False)]
        self.n = sum(p.numel() for _, _, p in owners)
        self.state = torch.empty(self.n + sum(b.numel() for _, _, b in buffers), device=device)
        self.gradient, self.velocity, self.decayed = (torch.zeros(self.n, device=device) for _ in range(3))
        at = 0
        for module, name, tensor in owners + buffers:
            part = self.state[at:at + tensor.numel()].view(tensor.shape)
            part.copy_(tensor.detach())
            if isinstance(tensor, torch.nn.Parameter):
                tensor.data = part
                tensor.grad = self.gradient[at:at + tensor.numel()].view(tensor.shape)
                self.decayed[at:at + tensor.numel()] = float(tensor.dim() > 1)
            else:
                setattr(module, name, part)
            at += tensor.numel()
        self.average = self.state.clone()

    def start_from(self, tensors, pictures):
        self.net.adopt(tensors, pictures)
        self.average.copy_(self.state)

    def set_rate(self, rate):
        """What the next step takes; young averages forget faster."""
        self.rate.fill_(rate)
        decay = self.training["average"] if "start" in self.training else \
            min(self.training["average"], (1 + self.steps) / (10 + self.steps))
        self.blend.fill_(1 - decay)
        self.steps += 1

    def loss(self, x, labels, votes, said):
        """@said: None, or logits of the teachers [teachers, n, 7]."""
        c = self.training
        logits, vote_logits = (y.float() for y in self.net(x))
        share = c["distill"]["share"] if said is not None else 0
        loss = (1 - share) * F.cross_entropy(logits, labels, label_smoothing=c.get("label_smoothing", 0.0))
        loss = loss - c["votes_task"] * (votes * F.log_softmax(vote_logits, 1)).sum(1).mean()
        if said is not None:
            t = c["distill"]["temperature"]
            target = F.softmax(said / t, 2).mean(0)
            loss = loss - share * t * t * (target * F.log_softmax(logits / t, 1)).sum(1).mean()
        self.correct += (logits.argmax(1) == labels).sum()
        return loss

    def step(self, x, labels, votes, said):
        with torch.autocast(x.device.type, torch.bfloat16, enabled=x.is_cuda, cache_enabled=False):
            loss = self.loss(x, labels, votes, said)
        self.gradient.zero_()
        loss.backward()
        self.loss_sum += loss.detach()
        with torch.no_grad():
            weights = self.state[:self.n]
            self.gradient.add_(self.decayed * weights, alpha=self.decay)
            self.velocity.mul_(self.momentum).add_(self.gradient)
            weights.sub_((self.gradient + self.velocity * self.momentum) * self.rate)
            self.average.lerp_(self.state, self.blend)

    def take_sums(self, batches, pictures):
        """Mean loss and accuracy since the last call."""
        ret = self.loss_sum.item() / batches, self.correct.item() / pictures
        self.loss_sum.zero_()
        self.correct.zero_()
        return ret

    def swap(self):
        """Between the weights that learn and their average."""
        kept = self.state.clone()
        self.state.copy_(self.average)
        self.average.copy_(kept)
