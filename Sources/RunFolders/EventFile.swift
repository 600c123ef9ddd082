import Checkpoints
import Foundation

/// Scalars in the form that TensorBoard reads: a file of records, each an `Event` of TensorBoard's
/// protocol buffers.
///
/// A record is its length (8 bytes), the masked CRC of the length (4), the data and the masked CRC of
/// the data (4), all little-endian (TensorFlow, `core/lib/io/record_writer.h`). Of `Event` it holds
/// `wall_time` = 1 (double), `step` = 2 (varint), and either `file_version` = 3 or `summary` = 5; of
/// `Summary` the values (1), and of these `tag` = 1 and `simple_value` = 2 (float).
public final class EventFile {
  /// TensorBoard takes files whose names contain `tfevents`.
  public static let name = "events.out.tfevents.trompe"

  private let file: GrowingFile

  /// Begins a file, or goes on with one.
  /// - Parameters:
  ///   - path: of the file.
  ///   - kept: how many events of a file that is there stay, from its beginning; what comes
  ///     after them goes, as does a record that is not whole.
  /// - Throws: `RunError` if the file cannot be written.
  public convenience init(_ path: String, keeping kept: Int = 0) throws {
    try self.init(FileTarget(path), keeping: kept)
  }

  /// The same in a folder that is held open.
  package init(_ target: FileTarget, keeping kept: Int) throws {
    var data = Self.record(Self.versionEvent(time: Date().timeIntervalSince1970))
    if kept > 0, let old = try target.contents(atMost: RunFolder.largestLog) {
      // The first record is the version.
      let ends = Self.recordEnds(in: old).prefix(kept + 1)
      if let end = ends.last { data = old.prefix(end) }
    }
    file = try GrowingFile(target, start: data)
  }

  /// Appends one event with all scalars of a step.
  public func append(step: Int, scalars: [(tag: String, value: Double)]) throws {
    let event = Self.event(time: Date().timeIntervalSince1970, step: step, scalars: scalars)
    try file.append(Self.record(event))
  }

  // MARK: Records

  /// Data as a record.
  public static func record(_ data: Data) -> Data {
    let length = bytes(UInt64(data.count))
    return length + bytes(maskedCRC(length)) + data + bytes(maskedCRC(data))
  }

  /// Where the whole records of a file end, as offsets from its start.
  static func recordEnds(in file: Data) -> [Int] {
    var ends: [Int] = []
    let file = Data(file)
    var start = 0
    while file.count - start >= 16 {
      let length = file[start..<start + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      guard length <= UInt64(file.count - start - 16) else { break }
      start += 16 + Int(length)
      ends.append(start)
    }
    return ends
  }

  /// CRC-32C (Castagnoli, polynomial 0x1EDC6F41), rotated and shifted as records hold it.
  public static func maskedCRC(_ data: Data) -> UInt32 {
    var crc = ~UInt32(0)
    for byte in data { crc = table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ (crc >> 8) }
    crc = ~crc
    return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
  }

  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { crc, _ in
      crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1  // the polynomial, bits reversed
    }
  }

  // MARK: Events

  /// The first event of a file.
  public static func versionEvent(time: Double) -> Data {
    double(1, time) + field(3, Data("brain.Event:2".utf8))
  }

  /// An event with scalars; a step of 0 is not written, as in all protocol buffers.
  public static func event(
    time: Double, step: Int, scalars: [(tag: String, value: Double)]
  ) -> Data {
    let values = scalars.reduce(into: Data()) { summary, scalar in
      let value =
        field(1, Data(scalar.tag.utf8)) + varint(2 << 3 | 5)
        + bytes(Float(scalar.value).bitPattern)
      summary += field(1, value)
    }
    let number = step == 0 ? Data() : varint(2 << 3) + varint(UInt64(bitPattern: Int64(step)))
    return double(1, time) + number + field(5, values)
  }

  private static func double(_ number: UInt64, _ value: Double) -> Data {
    varint(number << 3 | 1) + bytes(value.bitPattern)
  }

  /// Text or a message.
  private static func field(_ number: UInt64, _ data: Data) -> Data {
    varint(number << 3 | 2) + varint(UInt64(data.count)) + data
  }

  private static func varint(_ value: UInt64) -> Data {
    var (rest, data) = (value, Data())
    while rest > 127 {
      data.append(UInt8(rest & 127) | 128)
      rest >>= 7
    }
    data.append(UInt8(rest))
    return data
  }

  private static func bytes(_ value: some FixedWidthInteger) -> Data {
    withUnsafeBytes(of: value.littleEndian) { Data($0) }
  }
}
