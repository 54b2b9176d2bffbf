import Foundation
import ImagePipeline
import Randomness

/// `murmur bench augment`: how fast one thread decodes images and makes SimCLR's two views of each.
public enum AugmentationBench {
    /// Images per CPU second, each decoded once and augmented twice.
    ///
    /// CPU time of this thread, so that other load on the machine shows little.
    ///
    /// - Parameters:
    ///   - size: the side of the views in pixels.
    ///   - seconds: how long to measure.
    public static func imagesPerSecond(data: String, size: Int, seconds: Double) throws -> Double {
        let dataset = try ImageDatasets.open(data, split: .all)
        let augmentation = Augmentation(
            outputSize: size, normalization: dataset.channels == 1 ? .fashionMNIST : .imageNet)
        let workspace = AugmentationWorkspace()
        let view = UnsafeMutablePointer<Float>.allocate(capacity: size * size * dataset.channels)
        defer { view.deallocate() }
        // Spread over the dataset, so that classes and sizes are mixed.
        let step = max(1, dataset.count / 2000)
        var count = 0
        var start = threadSeconds()
        let warmup = 20
        while true {
            if count == warmup { start = threadSeconds() }
            let index = count * step % dataset.count
            let image = try dataset.image(at: index)
            for number in 0..<2 {
                var generator = Philox(seed: 0, path: [0, UInt64(index), UInt64(number)])
                augmentation.apply(image, generator: &generator, into: view, workspace: workspace)
            }
            count += 1
            let elapsed = threadSeconds() - start
            if count > warmup, elapsed >= seconds { return Double(count - warmup) / elapsed }
        }
    }

    private static func threadSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
