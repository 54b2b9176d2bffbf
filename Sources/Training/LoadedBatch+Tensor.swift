import ImagePipeline
import Torch

extension LoadedBatch {
    /// All views, each as `images(ofView:)` gives it.
    public func allImages() throws -> [Tensor] { try views.indices.map { try images(ofView: $0) } }

    /// A view of all samples as `[n, C, H, W]` in channels-last memory, without a copy; the batch's buffer lives as long.
    public func images(ofView view: Int) throws -> Tensor {
        let block = views[view]
        return try Tensor.view(
            memory: UnsafeMutableRawPointer(buffer.floats.baseAddress! + block.offset), shape: block.shape,
            type: .float32, keepAlive: buffer
        ).permuted([0, 3, 1, 2])
    }
}
