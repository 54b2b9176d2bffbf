import Testing
import Training

/// All ranks must read the same images.
@Suite struct DatasetAgreementTests {
    /// What each of three ranks says when rank 1's dataset is another.
    static func messages(_ other: SyntheticImages) throws -> [String] {
        var run = TestRun(try tinyRun(steps: 1))
        run.dataset = { $0 == 1 ? other : SyntheticImages(count: 30) }
        return try run.results(on: 3).map { result in
            let error = try #require(throws: TrainingError.self) { try result.get() }
            return error.description
        }
    }

    @Test func anotherNumberOfImagesIsRefusedOnEveryRank() throws {
        let messages = try Self.messages(SyntheticImages(count: 31))
        #expect(messages[1].contains("31 images, rank 0's has 30"))
        #expect(messages[0] == messages[2] && messages[0].contains("1 other workers read another dataset"))
    }

    @Test func otherNamesAreRefusedOnEveryRank() throws {
        let messages = try Self.messages(SyntheticImages(count: 30, prefix: "picture"))
        #expect(messages[1].contains("other names"))
    }
}
