import Foundation
import Manipulation
import RunTestSupport
import Testing

@Suite struct EventFileTests {
  /// What TensorBoard 2.21 writes: tensorboard.summary.writer.record_writer.RecordWriter of
  /// tensorboard.compat.proto.event_pb2.Event.
  private static let version = """
    1800000000000000a37f4b2209000000c00b5ad6411a0d627261696e2e4576656e743a324ca9a464
    """
  private static let twoScalars = """
    3a000000000000001295eae209000010c00b5ad64110ac022a2c0a110a0a747261696e2f6c6f7373150000c03f0a\
    170a1076616c69646174696f6e2f746f702d3115cdccccbd21e0a683
    """
  private static let stepZero = """
    1500000000000000d6ab6b2b09000040c00b5ad6412a0a0a080a01741500000000ec7f1dd5
    """

  private func hexadecimal(_ data: Data) -> String {
    data.map { String(format: "%02x", $0) }.joined()
  }

  @Test func recordsAreThoseOfTensorBoard() {
    #expect(
      hexadecimal(EventFile.record(EventFile.versionEvent(time: 1.5e9))) == Self.version)
    #expect(
      hexadecimal(
        EventFile.record(
          EventFile.event(
            time: 1_500_000_000.25, step: 300,
            scalars: [("train/loss", 1.5), ("validation/top-1", -0.1)]))) == Self.twoScalars)
    #expect(
      hexadecimal(
        EventFile.record(
          EventFile.event(time: 1_500_000_001, step: 0, scalars: [("t", 0)]))) == Self.stepZero)
  }

  /// RFC 3720, B.4: the CRC-32C of 32 zero bytes is 0x8A9136AA; masked as records hold it.
  @Test func checksumIsCastagnolis() {
    let crc: UInt32 = 0x8A91_36AA
    #expect(
      EventFile.maskedCRC(Data(count: 32)) == (crc >> 15 | crc << 17) &+ 0xA282_EAD8)
  }

  /// A stopped and resumed run has an event for each line of `metrics.jsonl`, in their order.
  @Test func aRunHasAnEventForEachMetric() throws {
    let folder = try TemporaryFolder()
    var recipe = Tiny.training()
    recipe.output.tensorboard = true
    let stop = StopRequest()
    let run = try ClassifierTrainingRun(recipe, output: folder("run"), stop: stop) {
      if case .step(let report) = $0, report.step == 4 { stop.stop() }
    }
    #expect(throws: RunStopped.self) { try run.run() }
    _ = try ClassifierTrainingRun(recipe, output: folder("run"), resume: true).run()
    let metrics = try lines(folder("run/metrics.jsonl"))
    #expect(metrics.count == 6 + 2)
    var data = try Data(contentsOf: URL(fileURLWithPath: folder("run/\(EventFile.name)")))
    var events: [String] = []
    while !data.isEmpty {
      let length = Int(data[0]) | Int(data[1]) << 8
      let event = data[12..<12 + length]
      #expect(EventFile.record(event) == data.prefix(16 + length))
      events.append(String(decoding: event, as: UTF8.self))
      data = Data(data.dropFirst(16 + length))
    }
    #expect(events.removeFirst().contains("brain.Event:2"))
    #expect(events.count == metrics.count)
    for (event, line) in zip(events, metrics) {
      let isStep = line.contains(#""kind":"step""#)
      #expect(event.contains(isStep ? "train/cross-entropy" : "validation/top-1"), "\(line)")
    }
    // Without being asked for there is none.
    _ = try ClassifierTrainingRun(Tiny.training(), output: folder("plain")).run()
    #expect(!FileManager.default.fileExists(atPath: folder("plain/\(EventFile.name)")))
  }

  /// As when a run goes on from an earlier state: later events are written again.
  @Test func aFileIsContinuedAfterTheEventsThatStay() throws {
    let folder = try TemporaryFolder()
    let path = folder(EventFile.name)
    func sizes() throws -> [Int] {
      var data = try Data(contentsOf: URL(fileURLWithPath: path))
      var lengths: [Int] = []
      while !data.isEmpty {
        lengths.append(Int(data[data.startIndex]))
        data = Data(data.dropFirst(16 + lengths[lengths.count - 1]))
      }
      return lengths
    }
    // Tags of different lengths tell the events apart.
    func append(_ tags: [String], keeping kept: Int) throws {
      let file = try EventFile(path, keeping: kept)
      for tag in tags { try file.append(step: 1, scalars: [(tag, 1)]) }
    }
    try append(["a", "bb", "ccc"], keeping: 0)
    let before = try sizes()
    #expect(before == [24, 23, 24, 25])
    // A record that was cut off, as by a lost power supply.
    let cut = try Data(contentsOf: URL(fileURLWithPath: path)) + Data([9, 0, 0])
    try cut.write(to: URL(fileURLWithPath: path))
    try append(["dddd"], keeping: 2)
    #expect(try sizes() == [24, 23, 24, 26])
    try append([], keeping: 9)
    #expect(try sizes() == [24, 23, 24, 26])
    try append(["e"], keeping: 0)
    #expect(try sizes() == [24, 23])
  }
}
