import ImagePipeline
import Testing

/// Against what PIL decodes; see Golden/make_images.py.
@Suite struct ImageDecoderTests {
    struct Picture: Decodable { let width, height: Int, pixels: [UInt8] }

    func decode(_ bytes: [UInt8], name: String = "test", channels: Int = 3, scale: Double = 1) throws -> PixelImage {
        try bytes.withUnsafeBytes { bytes in
            try ImageDecoder.decode(bytes, name: name, channels: channels) { _ in scale }
        }
    }

    func cause(_ bytes: [UInt8]) -> String {
        do {
            _ = try decode(bytes, name: "folder/picture")
            return "decoded"
        } catch let error as ImageError {
            #expect(error.name == "folder/picture" && error.description.contains("folder/picture"))
            return error.cause
        } catch {
            return "another error: \(error)"
        }
    }

    func largestDifference(_ image: PixelImage, _ picture: Picture) -> Int {
        guard image.width == picture.width, image.height == picture.height else { return 256 }
        return zip(image.pixels, picture.pixels).reduce(0) { max($0, abs(Int($1.0) - Int($1.1))) }
    }

    @Test func everyKindOfFileDecodesAsInPIL() throws {
        for (name, picture) in try Golden.decode([String: Picture].self, "images.json") {
            let image = try decode(Golden.bytes(name), name: name)
            // CMYK differs by the rounding of the product of two inks, one after the other.
            let tolerance = name.hasSuffix(".png") ? 0 : name == "cmyk.jpg" ? 2 : 1
            let difference = largestDifference(image, picture)
            #expect(difference <= tolerance, "\(name): off by \(difference)")
        }
    }

    @Test func allEightOrientationsStandUpright() throws {
        let upright = try decode(Golden.bytes("orientation-1.jpg"))
        for orientation in 2...8 {
            let stored = try decode(Golden.bytes("orientation-\(orientation).jpg"))
            let isTurned = orientation >= 5
            #expect(stored.width == (isTurned ? 12 : 20) && stored.height == (isTurned ? 20 : 12))
            // The file holds the same pixels; only the tag differs. Each tag says where row 0 and column 0 belong.
            for y in [0, 3, 11] {
                for x in [0, 7, 19] {
                    let place: (x: Int, y: Int) =
                        switch orientation {
                        case 2: (19 - x, y)
                        case 3: (19 - x, 11 - y)
                        case 4: (x, 11 - y)
                        case 5: (y, x)
                        case 6: (11 - y, x)
                        case 7: (11 - y, 19 - x)
                        default: (y, 19 - x)
                        }
                    let from = 3 * (y * 20 + x)
                    let to = 3 * (place.y * stored.width + place.x)
                    #expect(Array(upright.pixels[from..<from + 3]) == Array(stored.pixels[to..<to + 3]))
                }
            }
        }
    }

    @Test func damagedOrientationCountsAsUpright() throws {
        let plain = try decode(Golden.bytes("orientation-1.jpg"))
        let bytes = try Golden.bytes("orientation-6.jpg")
        let tiff = try #require((0..<100).first { bytes[$0..<$0 + 4].elementsEqual("Exif".utf8) }) + 6
        // Every byte of the EXIF segment in turn, set to extremes: nothing traps, and the size is one of the two.
        for position in tiff..<tiff + 26 {
            for value: UInt8 in [0, 1, 0x7F, 0xFF] {
                var damaged = bytes
                damaged[position] = value
                let image = try decode(damaged)
                #expect(image.width * image.height == plain.width * plain.height)
            }
        }
        var noDirectory = bytes
        noDirectory.replaceSubrange(tiff + 4..<tiff + 8, with: [0xFF, 0xFF, 0xFF, 0xFF])
        #expect(try decode(noDirectory) == plain)
    }

    @Test func grayAndColorAreConvertedToTheChannelsAsked() throws {
        let gray = try decode(Golden.bytes("gray.jpg"))
        #expect(gray.channels == 3)
        #expect((0..<240).allSatisfy { gray.pixels[3 * $0] == gray.pixels[3 * $0 + 2] })
        for name in ["baseline.jpg", "cmyk.jpg", "rgb.png", "alpha.png", "palette.png", "rgb16.png", "gray.png"] {
            let image = try decode(Golden.bytes(name), channels: 1)
            #expect(image.channels == 1 && image.pixels.count == 240, "\(name)")
        }
    }

    @Test func jpegIsDecodedAtTheLeastScaleThatWillDo() throws {
        let bytes = try Golden.bytes("orientation-6.jpg")
        for (scale, width, height) in [
            (1.0, 12, 20), (0.51, 12, 20), (0.5, 6, 10), (0.3, 6, 10), (0.25, 3, 5), (0, 2, 3),
        ] {
            let image = try decode(bytes, scale: scale)
            #expect(image.width == width && image.height == height, "scale \(scale)")
            #expect(image.fullSize == ImageSize(width: 12, height: 20))
        }
    }

    @Test func truncatedFilesAreRefusedWithTheirCause() throws {
        for name in ["baseline.jpg", "progressive.jpg", "gray.jpg", "cmyk.jpg", "rgb.png", "rgb16.png", "palette.png"] {
            let bytes = try Golden.bytes(name)
            for share in [0.1, 0.5, 0.8] {
                let cut = Array(bytes.prefix(Int(Double(bytes.count) * share)))
                #expect(cause(cut) != "decoded", "\(name) cut to \(cut.count) of \(bytes.count) bytes")
            }
        }
        #expect(cause(Array(try Golden.bytes("baseline.jpg").dropLast(40))).lowercased().contains("premature end"))
    }

    @Test func strayBytesBetweenSegmentsAreLetPassButNotAnEarlyEnd() throws {
        let good = try Golden.bytes("baseline.jpg")
        let table = try #require((2..<good.count).first { good[$0] == 0xFF && good[$0 + 1] == 0xC0 })
        let stray = Array(good[..<table]) + [1, 2, 3] + Array(good[table...])
        #expect(try decode(stray) == decode(good))
        for cut in [3, 30, 100] {
            #expect(cause(Array(stray.dropLast(cut))) != "decoded", "cut by \(cut)")
        }
    }

    @Test func aRefusedImageDoesNotSpoilTheNext() throws {
        let good = try Golden.bytes("baseline.jpg")
        let expected = try decode(good)
        for size in 3..<good.count {
            #expect(cause(Array(good.prefix(size))) != "decoded" || size > good.count - 3)
            #expect(try decode(good) == expected, "after one cut to \(size) bytes")
        }
    }

    @Test func whateverIsDamagedNothingTraps() throws {
        for name in ["baseline.jpg", "progressive.jpg", "rgb.png", "palette.png", "orientation-6.png"] {
            let bytes = try Golden.bytes(name)
            var refused = 0
            for position in stride(from: 2, to: bytes.count, by: 3) {
                var damaged = bytes
                damaged[position] ^= 0x5A
                if (try? decode(damaged)) == nil { refused += 1 }
            }
            #expect(refused > 0, "\(name)")
        }
    }

    @Test func whatIsNoImageIsRefused() throws {
        #expect(cause([]) == "it has no bytes")
        #expect(cause(Array("plain text".utf8)) == "it is neither a JPEG nor a PNG")
        #expect(cause([0xFF, 0xD8, 0xFF]) != "decoded")
        #expect(cause([0x89, 0x50, 0x4E, 0x47]) != "decoded")
    }

    @Test func giganticImagesAreRefusedFromTheirHeader() throws {
        // Start of frame: length, precision, height, width.
        var jpeg = try Golden.bytes("baseline.jpg")
        let frame = try #require((0..<jpeg.count - 9).first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
        jpeg.replaceSubrange(frame + 5..<frame + 9, with: [0x75, 0x30, 0xEA, 0x60])
        #expect(cause(jpeg).contains("60000×30000"))
        // A PNG of 100,000 × 100,000, with the checksum that belongs to its header.
        let header: [UInt8] = [0x49, 0x48, 0x44, 0x52, 0, 1, 0x86, 0xA0, 0, 1, 0x86, 0xA0, 8, 2, 0, 0, 0]
        var png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13] + header
        let sum = crc32(header)
        png += [UInt8(sum >> 24), UInt8(sum >> 16 & 255), UInt8(sum >> 8 & 255), UInt8(sum & 255)]
        png += try Golden.bytes("rgb.png").dropFirst(33)
        #expect(cause(png).contains("100000×100000"))
    }

    private func crc32(_ bytes: [UInt8]) -> UInt32 {
        var sum = UInt32.max
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
        }
        return ~sum
    }
}
