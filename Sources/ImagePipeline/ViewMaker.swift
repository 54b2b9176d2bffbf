import Randomness

/// How a sample becomes views.
enum ViewMaker: Sendable {
    case augmented(Augmentation, views: Int, seed: UInt64)
    case fixed(EvaluationTransform)

    var views: Int {
        switch self {
        case .augmented(_, let views, _): views
        case .fixed: 1
        }
    }

    var outputSize: Int {
        switch self {
        case .augmented(let augmentation, _, _): augmentation.outputSize
        case .fixed(let transform): transform.outputSize
        }
    }

    var channels: Int {
        switch self {
        case .augmented(let augmentation, _, _): augmentation.channels
        case .fixed(let transform): transform.channels
        }
    }

    /// Reads image `source` of the dataset and writes the views of `sample`.
    ///
    /// - Parameters:
    ///   - sample: The index that enters the randomness; `source` where the image is not a replacement.
    ///   - reducesLargeImages: JPEGs are decoded at the least scale at which no crop needs enlarging for it.
    ///   - output: Where the first view goes; the next ones follow at distances of `viewStride` floats.
    /// - Throws: `ImageError`.
    func make(
        _ dataset: any ImageDataset, source: Int, sample: Int, epoch: Int, reducesLargeImages: Bool,
        output: UnsafeMutablePointer<Float>, viewStride: Int, workspace: AugmentationWorkspace
    ) throws {
        switch self {
        case .fixed(let transform):
            let image = try dataset.image(at: source) { full in
                reducesLargeImages ? Self.scale(for: transform.crop(for: full), output: transform.outputSize) : 1
            }
            transform.apply(image, into: output, workspace: workspace)
        case .augmented(let augmentation, let views, let seed):
            func plan(_ view: Int, _ full: ImageSize) -> AugmentationPlan {
                var generator = Philox(
                    seed: seed, path: [UInt64(bitPattern: Int64(epoch)), UInt64(sample), UInt64(view)])
                return augmentation.plan(for: full, generator: &generator)
            }
            let image = try dataset.image(at: source) { full in
                guard reducesLargeImages, min(full.width, full.height) > 2 * augmentation.outputSize else { return 1 }
                return (0..<views).reduce(0.0) { scale, view in
                    max(scale, Self.scale(for: plan(view, full).crop, output: augmentation.outputSize))
                }
            }
            for view in 0..<views {
                augmentation.apply(
                    plan(view, image.fullSize), to: image, into: output + view * viewStride, workspace: workspace)
            }
        }
    }

    /// The scale at which the crop is just as large as the result, in its smaller direction.
    private static func scale(for crop: CropBox, output: Int) -> Double {
        min(1, Double(output) / min(crop.width, crop.height))
    }
}
