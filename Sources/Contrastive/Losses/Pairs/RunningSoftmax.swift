import Torch

/// The softmax of each anchor's logits over keys that come a block at a time: first their log-sum-exp, then, when the
/// blocks come again, each key's share.
///
/// Source: Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018.
struct RunningSoftmax {
    /// log Σ exp of what has come: [a]; −∞ before.
    let normaliser: Tensor

    init(anchors: Int, _ type: ScalarType) throws {
        normaliser = try Tensor.full([anchors], -.infinity, type)
    }

    /// Takes in the logits [b, k] of the anchors in `block`.
    func take(_ logits: Tensor, _ block: Range<Int>) throws {
        let place = try normaliser.rows(block)
        try place.copyInPlace(from: Tensor.stacked([place, logits.logSumExp(dims: [1])], dim: 0).logSumExp(dims: [0]))
    }

    /// The shares of the keys, when all have come, in the memory of their `logits` [b, k].
    func shares(_ logits: Tensor, _ block: Range<Int>) throws -> Tensor {
        try logits.addInPlace(normaliser.rows(block).unsqueezed(dim: 1), scale: -1)
        try logits.expInPlace()
        return logits
    }
}
