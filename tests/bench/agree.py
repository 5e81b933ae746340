"""Compares logits and greedy texts of two engines: agree.py logits OURS PEER PEER_F16 N_VOCAB | texts OURS PEER.

Logits are files of floats [positions][vocabulary].  Printed: the mean absolute difference of ours to the peer's on Q8_0, of the
peer's on Q8_0 to itself on F16, and the share of positions with the same top token among those whose two best tokens are
further apart than the latter.  Ends with 1 if ours are further away than the peer's own quantisation, or agree on less than 99 %.
"""
import sys

import numpy as np


def logits(path, n_vocab):
    return np.fromfile(path, np.float32).reshape(-1, n_vocab)


def compare(ours, peer, exact):
    difference = np.abs(ours - peer).mean()
    own = np.abs(peer - exact).mean()
    top = np.sort(peer, axis=1)
    clear = top[:, -1] - top[:, -2] > own
    same = ours.argmax(1) == peer.argmax(1)
    print(f"{len(ours)} positions: mean |ours - peer| {difference:.5f}, mean |peer Q8_0 - peer F16| {own:.5f}, "
          f"relative rms {np.sqrt(((ours - peer) ** 2).mean() / (peer ** 2).mean()):.4f}, "
          f"same top token {100 * same.mean():.1f} % of all, {100 * same[clear].mean():.2f} % of {clear.sum()} clear ones")
    return difference <= own and same[clear].mean() >= 0.99


def texts(ours, peer):
    pairs = list(zip(open(ours), open(peer), strict=True))
    same = sum(a.split() == b.split() for a, b in pairs)
    print(f"{same} of {len(pairs)} greedy texts are the same")
    for a, b in pairs:
        at = next((i for i, (x, y) in enumerate(zip(a.split(), b.split())) if x != y), None)
        if at is not None and len(pairs) <= 8:
            print(f"  one differs from token {at} on")
    return len(pairs) > 0 and same == len(pairs)


if __name__ == "__main__":
    if sys.argv[1] == "texts":
        fine = texts(sys.argv[2], sys.argv[3])
    else:
        fine = compare(*(logits(path, int(sys.argv[5])) for path in sys.argv[2:5]))
    sys.exit(not fine)
