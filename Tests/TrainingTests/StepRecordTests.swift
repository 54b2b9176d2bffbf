import Foundation
import Testing
import Training

/// One line of the log.
@Suite struct StepRecordTests {
    static let record = StepRecord(
        step: 12, loss: 4.123456789012345, learningRate: 1e-5, imagesPerSecond: 1234.56, workers: 3,
        time: 1700000000.125)

    @Test func aLineHasTheDocumentedKeysInOrder() {
        #expect(
            String(decoding: Self.record.jsonLine(), as: UTF8.self)
                == #"{"step":12,"loss":4.123456789012345,"lr":1e-05,"images_per_second":1234.56,"workers":3,"#
                + #""time":1700000000.125}"#)
    }

    @Test(arguments: [4.1, 0.1 + 0.2, 1e-300, 3, 0])
    func aLineReadsBackToTheSameLoss(loss: Double) throws {
        let record = StepRecord(
            step: 1, loss: loss, learningRate: loss / 3, imagesPerSecond: 1, workers: 1, time: 2)
        #expect(StepRecord(jsonLine: record.jsonLine()) == record)
    }

    @Test(arguments: ["", "{}", "[1]", #"{"step":"x"}"#, #"{"step":1,"loss":2"#])
    func whatIsNoRecordIsNil(text: String) {
        #expect(StepRecord(jsonLine: Array(text.utf8)) == nil)
    }
}
