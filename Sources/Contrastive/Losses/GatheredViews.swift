import Torch

/// Two views of every image of a step: this worker's as anchors, those of all workers as keys.
///
/// Both are view-major: rows i and i + n of the anchors, i and i + N of the keys, are the views of one image.
struct GatheredViews {
    /// [2n, D], unit rows.
    let anchors: Tensor
    /// [2N, D], unit rows, gathered with gradient.
    let keys: Tensor
    /// [2n] int64: where among the keys each anchor itself is.
    let ownKey: Tensor
    /// [2n] int64: where among the keys the other view of an anchor's image is.
    let positiveKey: Tensor

    /// - Parameters:
    ///   - first: [n, D] before normalisation, the first view of each of this worker's images.
    ///   - second: [n, D], the second.
    init(_ first: Tensor, _ second: Tensor, over workers: any Workers) throws {
        let views = [try first.l2Normalized(dim: 1), try second.l2Normalized(dim: 1)]
        anchors = try Tensor.concatenated(views, dim: 0)
        // One row an image, both views side by side, so that the workers' rows concatenate in sample order.
        let width = first.shape[1]
        let pairs = try workers.gatherWithGradient(Tensor.concatenated(views, dim: 1))
        keys = try Tensor.concatenated(
            [
                pairs.narrowed(dim: 1, start: 0, length: width),
                pairs.narrowed(dim: 1, start: width, length: width),
            ], dim: 0)
        let firsts = workers.ownRows.map { Int64($0) }
        let seconds = workers.ownRows.map { Int64($0 + workers.imageCount) }
        ownKey = try Tensor(firsts + seconds, shape: [2 * firsts.count])
        positiveKey = try Tensor(seconds + firsts, shape: [2 * firsts.count])
    }
}
