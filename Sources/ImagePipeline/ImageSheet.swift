/// A colour of 8-bit red, green and blue.
public struct RGB: Equatable, Sendable {
    public var red: UInt8
    public var green: UInt8
    public var blue: UInt8

    public init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    public static let white = RGB(255, 255, 255)
    public static let black = RGB(0, 0, 0)
    public static let right = RGB(46, 160, 67)
    public static let wrong = RGB(207, 34, 46)
    public static let query = RGB(9, 105, 218)
}

/// A picture made of images in a grid, each in a square cell with a coloured border: for sheets of nearest neighbours.
public struct ImageSheet: Sendable {
    /// Cells in a row.
    public let columns: Int
    /// Side of an image in its cell, in pixels; images are enlarged or reduced to fit, and keep their shape.
    public let cellSize: Int
    /// Pixels between cells and round the sheet.
    public let gap: Int
    /// Width of a border in pixels.
    public let border: Int
    public let background: RGB
    private var cells: [Cell?] = []

    private struct Cell: Sendable {
        let image: PixelImage
        let color: RGB?
    }

    public init(columns: Int, cellSize: Int, gap: Int = 4, border: Int = 3, background: RGB = .white) {
        precondition(columns > 0 && cellSize > 0 && gap >= 0 && border >= 0, "a sheet has room for its images")
        self.columns = columns
        self.cellSize = cellSize
        self.gap = gap
        self.border = border
        self.background = background
    }

    /// Puts an image into the next cell.
    public mutating func append(_ image: PixelImage, border color: RGB? = nil) {
        cells.append(Cell(image: image, color: color))
    }

    /// Leaves the next cell empty.
    public mutating func appendBlank() {
        cells.append(nil)
    }

    /// The picture: 3 channels; one row at least.
    public func render() -> PixelImage {
        let rows = max(1, (cells.count + columns - 1) / columns)
        let pitch = cellSize + 2 * border + gap
        var canvas = Canvas(width: columns * pitch + gap, height: rows * pitch + gap, color: background)
        let workspace = AugmentationWorkspace()
        for (index, cell) in cells.enumerated() {
            guard let cell else { continue }
            let left = gap + index % columns * pitch
            let top = gap + index / columns * pitch
            if let color = cell.color {
                canvas.fill(x: left, y: top, width: cellSize + 2 * border, height: cellSize + 2 * border, color)
                canvas.fill(x: left + border, y: top + border, width: cellSize, height: cellSize, background)
            }
            canvas.draw(cell.image, x: left + border, y: top + border, side: cellSize, workspace: workspace)
        }
        return PixelImage(width: canvas.width, height: canvas.height, channels: 3, pixels: canvas.pixels)
    }
}

private struct Canvas {
    let width: Int
    let height: Int
    var pixels: [UInt8]

    init(width: Int, height: Int, color: RGB) {
        self.width = width
        self.height = height
        pixels = [UInt8](repeating: 0, count: 3 * width * height)
        fill(x: 0, y: 0, width: width, height: height, color)
    }

    mutating func fill(x: Int, y: Int, width: Int, height: Int, _ color: RGB) {
        for row in y..<y + height {
            for column in x..<x + width {
                let to = 3 * (row * self.width + column)
                pixels[to] = color.red
                pixels[to + 1] = color.green
                pixels[to + 2] = color.blue
            }
        }
    }

    /// Draws the image as large as fits a square, in its middle. Small images grow by whole factors, pixel by pixel,
    /// so that one sees what they are.
    mutating func draw(_ image: PixelImage, x: Int, y: Int, side: Int, workspace: AugmentationWorkspace) {
        let longest = max(image.width, image.height)
        let factor = longest <= side ? Double(side / longest) : Double(side) / Double(longest)
        let width = max(1, Int((Double(image.width) * factor).rounded()))
        let height = max(1, Int((Double(image.height) * factor).rounded()))
        let left = x + (side - width) / 2
        let top = y + (side - height) / 2
        if longest <= side {
            copy(image, factor: side / longest, x: left, y: top)
            return
        }
        let planes = workspace.planes(width: width, height: height, channels: image.channels)
        let whole = CropBox(
            x: 0, y: 0, width: Double(image.fullSize.width), height: Double(image.fullSize.height))
        workspace.resample(image, crop: whole, resampling: .bicubic, mirrored: false, into: planes)
        for row in 0..<height {
            for column in 0..<width {
                for channel in 0..<3 {
                    let sample = planes.plane(image.channels == 3 ? channel : 0)[row * planes.stride + column]
                    pixels[3 * ((top + row) * self.width + left + column) + channel] = UInt8((sample * 255).rounded())
                }
            }
        }
    }

    private mutating func copy(_ image: PixelImage, factor: Int, x: Int, y: Int) {
        for row in 0..<image.height * factor {
            for column in 0..<image.width * factor {
                let from = (row / factor * image.width + column / factor) * image.channels
                for channel in 0..<3 {
                    pixels[3 * ((y + row) * width + x + column) + channel] =
                        image.pixels[from + (image.channels == 3 ? channel : 0)]
                }
            }
        }
    }
}
