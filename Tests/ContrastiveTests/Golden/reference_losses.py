"""Every method's loss on one process, the plain way after the authors' code: {name: function of (inputs, settings)}.

Inputs are torch tensors by name, before normalisation. `scripts/check_against_pytorch.py` uses these too."""

import torch
import torch.nn.functional as F


def normalize(x):
    return F.normalize(x, dim=1)


# google-research/simclr, objective.py, with its mask of the anchor itself.
def simclr(x, temperature):
    z = normalize(torch.cat([x["z1"], x["z2"]]))
    count = len(z)
    logits = (z @ z.T / temperature).masked_fill(torch.eye(count, dtype=torch.bool), float("-inf"))
    return F.cross_entropy(logits, (torch.arange(count) + count // 2) % count)


def triplet_distance(a, b, kind):
    if kind == "cosine":
        return 1 - F.cosine_similarity(a, b, dim=0)
    difference = normalize(a[None])[0] - normalize(b[None])[0]
    return difference.norm() if kind == "euclidean" else difference.square().sum()


# Triplets listed one by one, distances from differences of vectors.
def triplet(x, margin, distance, mining):
    views, count = torch.cat([x["z1"], x["z2"]]), len(x["z1"])
    hinges = []
    for anchor in range(2 * count):
        positive = triplet_distance(views[anchor], views[(anchor + count) % (2 * count)], distance)
        others = [k for k in range(2 * count) if (k - anchor) % count]
        negatives = [triplet_distance(views[anchor], views[k], distance) for k in others]
        if mining == "hard":
            negatives = [min(negatives)]
        elif mining == "semihard":
            farther = [d for d in negatives if d > positive]
            negatives = [min(farther) if farther else max(negatives)]
        hinges += [F.relu(positive - negative + margin) for negative in negatives]
    hinges = torch.stack(hinges)
    if mining == "all":
        return hinges.sum() / max(1, int((hinges > 0).sum()))
    return hinges.mean()


# facebookresearch/moco, moco/builder.py.
def moco(x, temperature):
    q, k, queue = (normalize(x[name]) for name in ("q", "k", "queue"))
    positive = torch.einsum("nc,nc->n", [q, k]).unsqueeze(-1)
    negative = torch.einsum("nc,ck->nk", [q, queue.T])
    logits = torch.cat([positive, negative], dim=1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long))


# facebookresearch/moco-v3, moco/builder.py.
def mocov3(x, temperature):
    def contrastive(q, k):
        logits = torch.einsum("nc,mc->nm", [normalize(q), normalize(k)]) / temperature
        return F.cross_entropy(logits, torch.arange(len(q))) * (2 * temperature)

    return contrastive(x["q1"], x["k2"]) + contrastive(x["q2"], x["k1"])


@torch.no_grad()
def distributed_sinkhorn(out, epsilon, rounds):
    Q = torch.exp(out / epsilon).t()
    K, B = Q.shape
    Q = Q / Q.sum()
    for _ in range(rounds):
        Q = Q / Q.sum(dim=1, keepdim=True) / K
        Q = Q / Q.sum(dim=0, keepdim=True) / B
    return (Q * B).t()


# facebookresearch/swav, main_swav.py; x["queue"] is optional.
def swav(x, temperature, epsilon, rounds):
    z, prototypes = x["z"], normalize(x["prototypes"])
    crops, count, width = z.shape
    queue = x.get("queue", torch.zeros(0, width, dtype=z.dtype))
    output = [normalize(crop) @ prototypes.T for crop in z]
    loss = 0
    for target in (0, 1):
        with torch.no_grad():
            out = torch.cat([normalize(queue) @ prototypes.T, output[target]]).detach()
            q = distributed_sinkhorn(out, epsilon, int(rounds))[-count:]
        subloss = 0
        for crop in [v for v in range(crops) if v != target]:
            logits = output[crop] / temperature
            subloss -= torch.mean(torch.sum(q * F.log_softmax(logits, dim=1), dim=1))
        loss += subloss / (crops - 1)
    return loss / 2


# facebookresearch/swav, main_deepclusterv2.py.
def deepclusterv2(x, temperature):
    scores = torch.cat([normalize(crop) @ normalize(x["prototypes"]).T for crop in x["z"]]) / temperature
    return F.cross_entropy(scores, x["assignments"].repeat(len(x["z"])), ignore_index=-100)


# deepmind-research/byol, regression_loss.
def byol(x):
    def regression_loss(a, b):
        return torch.mean(torch.sum((normalize(a) - normalize(b)) ** 2, dim=1))

    return regression_loss(x["p1"], x["t2"]) + regression_loss(x["p2"], x["t1"])


# facebookresearch/simsiam, main_simsiam.py.
def simsiam(x):
    criterion = torch.nn.CosineSimilarity(dim=1)
    return -(criterion(x["p1"], x["t2"]).mean() + criterion(x["p2"], x["t1"]).mean()) * 0.5


def off_diagonal(x):
    n, _ = x.shape
    return x.flatten()[:-1].view(n - 1, n + 1)[:, 1:].flatten()


# facebookresearch/barlowtwins, main.py.
def barlowtwins(x, **settings):
    norm = torch.nn.BatchNorm1d(x["z1"].shape[1], affine=False).double()
    c = norm(x["z1"]).T @ norm(x["z2"]) / len(x["z1"])
    on_diagonal = (torch.diagonal(c) - 1).pow(2).sum()
    return on_diagonal + settings["lambda"] * off_diagonal(c).pow(2).sum()


# facebookresearch/vicreg, main_vicreg.py.
def vicreg(inputs, invariance, variance, covariance):
    x, y = inputs["z1"], inputs["z2"]
    batch_size, num_features = x.shape
    repr_loss = F.mse_loss(x, y)
    x = x - x.mean(dim=0)
    y = y - y.mean(dim=0)
    std_x = torch.sqrt(x.var(dim=0) + 0.0001)
    std_y = torch.sqrt(y.var(dim=0) + 0.0001)
    std_loss = torch.mean(F.relu(1 - std_x)) / 2 + torch.mean(F.relu(1 - std_y)) / 2
    cov_x = (x.T @ x) / (batch_size - 1)
    cov_y = (y.T @ y) / (batch_size - 1)
    cov_loss = off_diagonal(cov_x).pow(2).sum().div(num_features)
    cov_loss = cov_loss + off_diagonal(cov_y).pow(2).sum().div(num_features)
    return invariance * repr_loss + variance * std_loss + covariance * cov_loss


# WXinlong/DenseCL, openselfsup/models/densecl.py and heads/contrastive_head.py.
def densecl(x, temperature):
    q_grid, k_grid, q_b, k_b, queue = (normalize(x[name]) for name in ("q", "k", "qFeatures", "kFeatures", "queue"))
    backbone_sim_matrix = torch.matmul(q_b.permute(0, 2, 1), k_b)
    densecl_sim_ind = backbone_sim_matrix.max(dim=2)[1]
    indexed_k_grid = torch.gather(k_grid, 2, densecl_sim_ind.unsqueeze(1).expand(-1, k_grid.size(1), -1))
    densecl_sim_q = (q_grid * indexed_k_grid).sum(1)
    pos = densecl_sim_q.view(-1).unsqueeze(-1)
    neg = torch.einsum("nc,ck->nk", [q_grid.permute(0, 2, 1).reshape(-1, q_grid.size(1)), queue.T])
    logits = torch.cat((pos, neg), dim=1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))


LOSSES = {
    function.__name__: function
    for function in (
        simclr, triplet, moco, mocov3, swav, deepclusterv2, byol, simsiam, barlowtwins, vicreg, densecl
    )
}
