import Foundation
import ImageData

/// CRC-32 as in zlib and PNG, eight hexadecimal digits.
func crc32(_ bytes: [UInt8]) -> String {
  let table = (0..<256).map { entry in
    (0..<8).reduce(UInt32(entry)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0xEDB8_8320 : 0) }
  }
  let sum = ~bytes.reduce(~UInt32(0)) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
  let digits = String(sum, radix: 16)
  return String(repeating: "0", count: 8 - digits.count) + digits
}

/// What tools/make_image_fixtures.py wrote.
enum Fixtures {
  static func path(_ name: String) -> String {
    Bundle.module.resourceURL!.appendingPathComponent("Fixtures/\(name)").path
  }

  static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(name))))
  }

  static func decode<T: Decodable>(_ type: T.Type, from name: String) throws -> T {
    try JSONDecoder().decode(type, from: Data(contentsOf: URL(fileURLWithPath: path(name))))
  }

  struct Picture: Decodable {
    struct Point: Decodable {
      let x: Int
      let y: Int
      let rgb: [UInt8]
    }
    struct Resized: Decodable {
      let width: Int
      let height: Int
      let crc32: String
      let box: [Float]?
    }
    let width: Int
    let height: Int
    let crc32: String
    let pixels: [Point]
    let resized: [Resized]
  }

  struct File: Decodable {
    let width: Int
    let height: Int
    let crc32: String
  }

  struct Pillow: Decodable {
    let photographs: [String: Picture]
    let pattern: Picture
  }
}

/// An empty folder that is removed after `body`.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let url = FileManager.default.temporaryDirectory
    .appendingPathComponent("image-data-tests-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: url) }
  return try body(url.path)
}

/// Pictures of one colour, a function of the index; some unreadable, some slow.
struct ColorSource: ImageSource {
  let count: Int
  var unreadable: Set<Int> = []
  var sizes: [Int: ImageSize] = [:]
  var delay: (@Sendable (Int) -> Double)?
  var classNames: [String] { ["even", "odd"] }

  func label(at index: Int) -> Int { index % 2 }
  func name(at index: Int) -> String { "color/\(index)" }
  func image(at index: Int) throws -> Image {
    if let delay { Thread.sleep(forTimeInterval: delay(index)) }
    if unreadable.contains(index) {
      throw ImageError(path: name(at: index), reason: "spoiled on purpose")
    }
    let size = sizes[index] ?? ImageSize(width: 5, height: 4)
    return Image(
      width: size.width, height: size.height,
      color: .init(red: UInt8(index % 256), green: UInt8(index / 256), blue: 9))
  }
}
