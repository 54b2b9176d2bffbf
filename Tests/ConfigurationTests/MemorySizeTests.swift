import Configuration
import Testing

@Suite struct MemorySizeTests {
    @Test(arguments: [
        ("2GiB", 2 << 30), ("1.5GiB", 3 << 29), ("512MiB", 512 << 20), ("800MB", 800_000_000), ("1KB", 1000),
        ("64KiB", 64 << 10), ("1TB", 1_000_000_000_000), ("12345", 12345), ("7B", 7),
    ])
    func readsBinaryAndDecimalUnits(text: String, bytes: Int) throws {
        let size = try #require(MemorySize(parsing: text))
        #expect(size.bytes == bytes)
        #expect(MemorySize(parsing: size.description) == size)
    }

    @Test(arguments: [
        "", "GiB", "-1GiB", "1e3", "0", "0MiB", "1.2.3MiB", "2 GiB", "2GB2", "inf", "99999999TiB", "0x10",
    ])
    func refusesWhatIsNoSize(text: String) {
        #expect(MemorySize(parsing: text) == nil)
    }

    @Test func isWrittenInTheLargestWholeUnit() {
        #expect(MemorySize(bytes: 3 << 29).description == "1536MiB")
        #expect(MemorySize(bytes: 1000).description == "1000B")
        #expect(MemorySize(bytes: 3 << 29).rounded == "1.5 GiB")
    }
}
