import Foundation
import ImagePipeline
import Testing

@Suite struct PictureTests {
    @Test(arguments: [1, 3])
    func whatIsWrittenIsReadBack(channels: Int) throws {
        let folder = try TemporaryFolder()
        let image = PixelImage(
            width: 9, height: 5, channels: channels, pixels: (0..<45 * channels).map { UInt8($0) })
        try PNGWriter.write(image, to: folder.path + "/picture.png")
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path + "/picture.png")))
        let back = try bytes.withUnsafeBytes { try ImageDecoder.decode($0, name: "picture", channels: channels) }
        #expect(back == image)
    }

    @Test func aPathThatCannotBeWrittenIsNamed() throws {
        let image = PixelImage(width: 1, height: 1, channels: 1, pixels: [0])
        do {
            try PNGWriter.write(image, to: "/nowhere/at/all.png")
            Issue.record("written")
        } catch let error as PictureError {
            #expect(error.description.contains("/nowhere/at/all.png") && !error.cause.isEmpty)
        }
    }

    @Test func aSheetHasItsImagesInCellsWithBorders() throws {
        var sheet = ImageSheet(columns: 2, cellSize: 8, gap: 2, border: 1, background: .white)
        let dot = PixelImage(width: 2, height: 1, channels: 3, pixels: [10, 20, 30, 40, 50, 60])
        sheet.append(dot, border: .wrong)
        sheet.appendBlank()
        sheet.append(PixelImage(width: 32, height: 32, channels: 1, pixels: [UInt8](repeating: 99, count: 1024)))
        let picture = sheet.render()
        #expect(picture.width == 2 + 2 * 12 && picture.height == 2 + 2 * 12)
        func pixel(_ x: Int, _ y: Int) -> RGB {
            let at = 3 * (y * picture.width + x)
            return RGB(picture.pixels[at], picture.pixels[at + 1], picture.pixels[at + 2])
        }
        #expect(pixel(0, 0) == .white && pixel(2, 2) == .wrong && pixel(11, 11) == .wrong)
        // 2 × 1 grows four times, to 8 × 4 in the middle of its cell of 8 × 8.
        #expect(pixel(3, 5) == RGB(10, 20, 30) && pixel(6, 8) == RGB(10, 20, 30) && pixel(7, 5) == RGB(40, 50, 60))
        #expect(pixel(3, 4) == .white && pixel(3, 9) == .white)
        #expect(pixel(20, 5) == .white)
        #expect(pixel(3, 15) == RGB(99, 99, 99) && pixel(2, 15) == .white && pixel(10, 22) == RGB(99, 99, 99))
    }
}
