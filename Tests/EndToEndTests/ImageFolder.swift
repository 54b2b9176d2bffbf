import Foundation
import ImagePipeline

/// Sixty training and fifteen test pictures of three classes, 16 × 16 pixels, made by the test itself.
enum ImageFolder {
    static let classes = ["checks", "rings", "stripes"]
    static let trainingImages = 60
    static let testImages = 15

    /// Makes the folder in the scratch directory under `name` and returns its path.
    static func make(in scratch: Scratch, _ name: String = "images") throws -> String {
        for (split, count) in [("train", trainingImages), ("test", testImages)] {
            for index in 0..<count {
                let label = index % classes.count
                let folder = scratch.path(name) + "/\(split)/\(classes[label])"
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                let phase = Double(index) * 0.7 + (split == "test" ? 0.3 : 0)
                try PNGWriter.write(picture(label: label, phase: phase), to: folder + "/\(fileName(index))")
            }
        }
        return scratch.path(name)
    }

    /// The training image `index` (from 0), below the folder's path.
    static func trainingPath(_ index: Int) -> String { "train/\(classes[index % classes.count])/\(fileName(index))" }

    private static func fileName(_ index: Int) -> String { String(format: "%03d.png", index) }

    /// A pattern that tells the class, in a colour and at a place that tell the image.
    private static func picture(label: Int, phase: Double) -> PixelImage {
        let side = 16
        var pixels: [UInt8] = []
        for y in 0..<side {
            for x in 0..<side {
                let (x, y) = (Double(x) + phase, Double(y) - phase)
                let wave: Double
                switch label {
                case 0: wave = sin(x * 1.3) * sin(y * 1.3)
                case 1: wave = sin(((x - 8) * (x - 8) + (y - 8) * (y - 8)).squareRoot() * 1.5)
                default: wave = sin((x + y) * 0.9)
                }
                pixels += (0..<3).map { UInt8(128 + 80 * wave + 40 * sin(phase * Double($0 + 1))) }
            }
        }
        return PixelImage(width: side, height: side, channels: 3, pixels: pixels)
    }
}
