import Randomness

/// How a sample becomes views.
enum ViewMaker: Sendable {
    /// One view by each augmentation.
    case augmented([Augmentation], seed: UInt64)
    case fixed(EvaluationTransform)

    /// Where the views of a batch lie in its buffer.
    func blocks(samples: Int) -> [ViewBlock] {
        let sizes: [(side: Int, channels: Int)] =
            switch self {
            case .augmented(let augmentations, _): augmentations.map { ($0.outputSize, $0.channels) }
            case .fixed(let transform): [(transform.outputSize, transform.channels)]
            }
        var offset = 0
        return sizes.map { side, channels in
            let block = ViewBlock(offset: offset, shape: [samples, side, side, channels])
            offset = block.range.upperBound
            return block
        }
    }

    /// Reads image `source` of the dataset and writes the views of `sample`.
    ///
    /// - Parameters:
    ///   - sample: The index that enters the randomness; `source` where the image is not a replacement.
    ///   - reducesLargeImages: JPEGs are decoded at the least scale at which no crop needs enlarging for it.
    ///   - outputs: Where each view goes.
    /// - Throws: `ImageError`.
    func make(
        _ dataset: any ImageDataset, source: Int, sample: Int, epoch: Int, reducesLargeImages: Bool,
        outputs: [UnsafeMutablePointer<Float>], workspace: AugmentationWorkspace
    ) throws {
        switch self {
        case .fixed(let transform):
            let image = try dataset.image(at: source) { full in
                reducesLargeImages ? Self.scale(for: transform.crop(for: full), output: transform.outputSize) : 1
            }
            transform.apply(image, into: outputs[0], workspace: workspace)
        case .augmented(let augmentations, let seed):
            func plan(_ view: Int, _ full: ImageSize) -> AugmentationPlan {
                var generator = Philox(
                    seed: seed, path: [UInt64(bitPattern: Int64(epoch)), UInt64(sample), UInt64(view)])
                return augmentations[view].plan(for: full, generator: &generator)
            }
            let image = try dataset.image(at: source) { full in
                // Where one view needs the whole image, no crop has to be drawn to know it.
                let largest = augmentations.reduce(0) { max($0, $1.outputSize) }
                guard reducesLargeImages, min(full.width, full.height) > 2 * largest else { return 1 }
                return augmentations.indices.reduce(0.0) { scale, view in
                    max(scale, Self.scale(for: plan(view, full).crop, output: augmentations[view].outputSize))
                }
            }
            for (view, augmentation) in augmentations.enumerated() {
                augmentation.apply(
                    plan(view, image.fullSize), to: image, into: outputs[view], workspace: workspace)
            }
        }
    }

    /// The scale at which the crop is just as large as the result, in its smaller direction.
    private static func scale(for crop: CropBox, output: Int) -> Double {
        min(1, Double(output) / min(crop.width, crop.height))
    }
}
