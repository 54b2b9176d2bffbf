import Torch

/// How many similarities are held at a time: 64 MiB of float32.
public let defaultSimilarityBlock = 1 << 24

/// A function of each anchor's similarities to all keys, s(a, k) = anchors[a] · keys[k]: [a].
///
/// The [a, K] similarities are never held whole: they are computed in blocks of rows, and again in the backward pass.
/// Memory is O((a + K)·D) and a few blocks.
///
/// - Parameters:
///   - name: of the loss, for error messages.
///   - anchors: [a, D]; a may be 0.
///   - keys: [K, D]; where they need no gradient none is computed.
///   - value: from the similarities [b, K] of the anchors in a range of 0..<a, the function of each: [b].
///   - derivative: from the same, the derivative of an anchor's value by each of its similarities: [b, K], a tensor of
///     its own that the caller may write over.
func overSimilarities(
    _ name: String, anchors: Tensor, keys: Tensor, blockElements: Int = defaultSimilarityBlock,
    value: (_ similarities: Tensor, _ block: Range<Int>) throws -> Tensor,
    derivative: @escaping (_ similarities: Tensor, _ block: Range<Int>) throws -> Tensor
) throws -> Tensor {
    let rows = try SimilarityBlocks(anchors: anchors, keys: keys, blockElements: blockElements)
    let keysNeedGradient = keys.requiresGradient
    let outputs = try customFunction(name, inputs: [anchors, keys]) {
        let values = try rows.blocks.map { try value(rows.similarities($0), $0) }
        return [try Tensor.concatenated([Tensor.zeros([0], anchors.scalarType)] + values, dim: 0)]
    } backward: { gradients in
        guard let gradient = gradients[0] else { return [nil, nil] }
        var ofAnchors = [try rows.anchors(0..<0)]
        let ofKeys = try keysNeedGradient ? Tensor.zeros(rows.keys.shape, rows.keys.scalarType) : nil
        for block in rows.blocks {
            let ofSimilarities = try derivative(rows.similarities(block), block)
            try ofSimilarities.multiplyInPlace(column(gradient, block))
            ofAnchors.append(try ofSimilarities.matmul(rows.keys))
            try ofKeys?.addInPlace(ofSimilarities.transposed(0, 1).matmul(rows.anchors(block)))
        }
        return [try Tensor.concatenated(ofAnchors, dim: 0), ofKeys]
    }
    return outputs[0]
}

/// A block of `values` [a] as a column [b, 1].
func column(_ values: Tensor, _ block: Range<Int>) throws -> Tensor {
    try values.narrowed(dim: 0, start: block.lowerBound, length: block.count).unsqueezed(dim: 1)
}

/// The similarities of anchors and keys, a block of rows at a time.
private struct SimilarityBlocks {
    let keys: Tensor
    let blocks: [Range<Int>]
    private let anchors: Tensor

    init(anchors: Tensor, keys: Tensor, blockElements: Int) throws {
        self.anchors = try anchors.detached()
        self.keys = try keys.detached()
        let count = anchors.shape[0]
        let height = max(1, blockElements / max(1, keys.shape[0]))
        blocks = stride(from: 0, to: count, by: height).map { $0..<min($0 + height, count) }
    }

    func anchors(_ block: Range<Int>) throws -> Tensor {
        try anchors.narrowed(dim: 0, start: block.lowerBound, length: block.count)
    }

    /// [b, K]
    func similarities(_ block: Range<Int>) throws -> Tensor {
        try anchors(block).matmul(keys.transposed(0, 1))
    }
}
