import Foundation
import Testing
import Training

/// One line of the log.
@Suite struct StepRecordTests {
    static let record = StepRecord(
        step: 12, loss: 4.123456789012345, learningRate: 1e-5, imagesPerSecond: 1234.56, workers: 3,
        time: 1700000000.125, peakMemory: 300 << 20)

    @Test func aLineHasTheDocumentedKeysInOrder() {
        #expect(
            String(decoding: Self.record.jsonLine(), as: UTF8.self)
                == #"{"step":12,"loss":4.123456789012345,"lr":1e-05,"images_per_second":1234.56,"workers":3,"#
                + #""time":1700000000.125,"memory_mib":300}"#)
    }

    @Test func communicationComesLastAndOnlyWhereThereWasSome() throws {
        let record = StepRecord(
            step: 1, loss: 2, learningRate: 1, imagesPerSecond: 1, workers: 2, time: 3,
            exchange: ExchangeTimes(communication: 0.5, exposed: 0.125))
        let line = record.jsonLine()
        #expect(
            String(decoding: line, as: UTF8.self).hasSuffix(
                #","communication_seconds":0.500000,"hidden_share":0.7500}"#))
        #expect(StepRecord(jsonLine: line) == record)
        // A line of an older log.
        let old = try #require(StepRecord(jsonLine: Self.record.jsonLine()))
        #expect(old.communicationSeconds == nil && old.hiddenShare == nil)
    }

    @Test func aShareIsNeverBelowNothing() {
        #expect(ExchangeTimes(communication: 1, exposed: 2).hiddenShare == 0)
        #expect(ExchangeTimes(communication: 0, exposed: 0).hiddenShare == 0)
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
