import CHDF5
import Foundation
import TensorGraph

/// All groups and datasets of a file as a child process lists them, refusing what `HDF5File` says it
/// refuses.
struct HDF5Walk {
  /// Bytes of names and numbers of the listing itself.
  static let listingBytes = 256 << 20
  /// Memory for the library beyond the file's chunks, which listing does not read.
  static let libraryBytes = 256 << 20

  let path: String
  let limits: HDF5Limits
  let fileSize: Int
  private(set) var tensors: [StoredTensor] = []
  private(set) var groups: [String] = []
  /// Of datasets that are plain numbers in one piece, in bytes from the file's start.
  private(set) var offsets: [String: Int] = [:]
  /// Rows of the first axis in one chunk, of datasets that have chunks.
  private(set) var chunkRows: [String: Int] = [:]
  /// Of groups whose attributes could be read, "" being the root.
  private(set) var attributes: [String: [String: HDF5Attribute]] = [:]

  init(path: String, limits: HDF5Limits, source: hdf5_source) throws {
    (self.path, self.limits, fileSize) = (path, limits, source.size)
    var bytes: UnsafeMutablePointer<UInt8>?
    var length = 0
    defer { free(bytes) }
    // Whether the child ended well is of no consequence: the last record says that it is the last.
    var request = hdf5_listing_request(
      file: source, links: limits.links, depth: limits.depth,
      attribute_bytes: limits.attributeBytes, memory: Self.libraryBytes, limit: Self.listingBytes)
    _ = HDF5Library.alone { hdf5_fetch_listing(&request, &bytes, &length) }
    var message = HDF5Message(bytes: UnsafeBufferPointer(start: bytes, count: length))
    while try take(&message) {}
    for group in [""] + groups {
      guard let attributes = message.attributes() else { break }
      self.attributes[group] = attributes
    }
  }

  private func failure(_ dataset: String?, _ text: String) -> CheckpointError {
    CheckpointError(path: path, dataset: dataset.flatMap { $0.isEmpty ? nil : $0 }, text)
  }

  /// The next record; false after the last.
  private mutating func take(_ message: inout HDF5Message) throws -> Bool {
    let last = groups.last
    let damaged = failure(last, "cannot be read, it is damaged or incomplete")
    guard let record = message.number(), let name = message.name() else { throw damaged }
    guard let name, !name.split(separator: "/").contains(".") else {
      throw failure(last, "has a member whose name is not a usable UTF-8 name")
    }
    switch UInt32(truncatingIfNeeded: record) {
    case hdf5_group_record.rawValue:
      guard let depth = message.integer(), let isRepeated = message.number() else { throw damaged }
      guard depth <= limits.depth else {
        throw failure(name, "is a group more than \(limits.depth) groups deep")
      }
      guard isRepeated == 0 else {
        throw failure(name, "is a group that the file reaches twice, perhaps a cycle")
      }
      if depth > 0 { groups.append(name) }
    case hdf5_link_record.rawValue:
      guard let number = message.number() else { throw damaged }
      let kind =
        switch UInt32(truncatingIfNeeded: number) {
        case hdf5_external_link.rawValue: "a link into another file"
        case hdf5_soft_link.rawValue: "a soft link"
        default: "a user-defined link"
        }
      throw failure(name, "is \(kind), which is refused: store the data itself")
    case hdf5_dataset_record.rawValue:
      guard let dataset = HDF5Dataset(&message) else { throw damaged }
      tensors.append(try inspect(dataset, name: name))
    case hdf5_failure_record.rawValue:
      guard let text = message.text(), let reason = message.text() else { throw damaged }
      throw failure(name, text + HDF5Library.reason(reason))
    case hdf5_links_record.rawValue: throw failure(nil, "has more than \(limits.links) links")
    case hdf5_end_record.rawValue: return false
    default: throw damaged
    }
    return true
  }

  // MARK: Datasets

  private mutating func inspect(_ dataset: HDF5Dataset, name: String) throws -> StoredTensor {
    guard dataset.externalFiles == 0 else {
      throw failure(name, "has its data in another file, which is refused: store the data itself")
    }
    let isChunked = dataset.layout == H5D_CHUNKED
    guard isChunked || dataset.layout == H5D_CONTIGUOUS || dataset.layout == H5D_COMPACT else {
      throw failure(name, "is a virtual dataset, which is refused: store the data itself")
    }
    guard dataset.hasSpace else {
      return StoredTensor(name: name, shape: [0], elementType: .other("nothing (null dataspace)"))
    }
    let elementType = dataset.elementType
    let shape = try shape(of: dataset, name: name)
    if case .other = elementType {
      return StoredTensor(name: name, shape: shape, elementType: elementType)
    }
    let (bytes, overflow) = shape.count.multipliedReportingOverflow(by: dataset.elementSize)
    guard !overflow else { throw failure(name, "is larger than memory can be") }

    guard dataset.storedBytes <= fileSize else {
      throw failure(name, "claims \(dataset.storedBytes) bytes of a file of \(fileSize) bytes")
    }
    var backed = dataset.storedBytes
    if isChunked {
      let expansion = try expansion(dataset, name: name)
      backed = backed.multipliedReportingOverflow(by: expansion).partialValue
      try checkChunk(dataset, backed: backed, name: name)
      chunkRows[name] = Swift.max(1, dataset.chunk.first ?? 1)
    } else {
      guard dataset.filters.isEmpty else { throw failure(name, "has filters without chunks") }
    }
    guard bytes <= backed else {
      throw failure(
        name,
        "has shape \(shape), \(bytes) bytes, but only \(dataset.storedBytes) bytes of data are "
          + "stored")
    }
    if dataset.layout == H5D_CONTIGUOUS, bytes > 0 {
      guard dataset.offset <= fileSize, bytes <= fileSize - dataset.offset else {
        throw failure(name, "has data beyond the end of the file")
      }
      if dataset.isPlain { offsets[name] = dataset.offset }
    }
    return StoredTensor(name: name, shape: shape, elementType: elementType)
  }

  private func shape(of dataset: HDF5Dataset, name: String) throws -> Shape {
    // The product of the other extents must not overflow either when one of them is zero.
    var product = 1
    for extent in dataset.extents {
      let (next, overflow) = product.multipliedReportingOverflow(by: max(extent, 1))
      guard !overflow, next <= limits.elements else {
        let claimed = dataset.extents.map { String($0) }.joined(separator: ", ")
        throw failure(
          name, "has shape [\(claimed)], more than the limit of \(limits.elements) elements")
      }
      product = next
    }
    return Shape(dataset.extents)
  }

  /// How many bytes one stored byte may become.
  private func expansion(_ dataset: HDF5Dataset, name: String) throws -> Int {
    let deflateExpansion = 1032  // The most that deflate can do: 258 bytes from two bits.
    var expansion = 1
    guard dataset.filters.count <= 8 else { throw failure(name, "has unreadable filters") }
    for filter in dataset.filters {
      switch Int32(filter) {
      case H5Z_FILTER_DEFLATE: expansion *= deflateExpansion
      case Int32(hdf5_lzf_filter): expansion *= Int(hdf5_lzf_expansion)
      case H5Z_FILTER_SHUFFLE, H5Z_FILTER_FLETCHER32: break
      default:
        throw failure(
          name,
          "uses filter \(filter), only deflate (gzip), lzf, shuffle and Fletcher-32 are "
            + "read")
      }
    }
    guard expansion <= deflateExpansion else { throw failure(name, "is compressed twice") }
    return expansion
  }

  /// The library allocates a whole chunk for any part of it.
  private func checkChunk(_ dataset: HDF5Dataset, backed: Int, name: String) throws {
    guard !dataset.chunk.isEmpty else { throw failure(name, "has no readable chunk shape") }
    var bytes = dataset.elementSize
    for extent in dataset.chunk {
      let (next, overflow) = bytes.multipliedReportingOverflow(by: extent)
      guard !overflow, next <= max(backed, 1 << 20) else {
        throw failure(name, "has chunks larger than its stored data")
      }
      bytes = next
    }
  }
}

/// What `hdf5_send_dataset` sends.
private struct HDF5Dataset {
  let layout: H5D_layout_t
  let externalFiles: Int
  let hasSpace: Bool
  let extents: [Int]
  let elementSize: Int
  let elementType: StoredElementType
  let isPlain: Bool
  let storedBytes: Int
  let filters: [Int]
  /// Empty without chunks.
  let chunk: [Int]
  /// In bytes from the file's start.
  let offset: Int

  /// Nil where the message ends.
  init?(_ message: inout HDF5Message) {
    func list(_ message: inout HDF5Message) -> [Int]? {
      guard let count = message.number(), let numbers = message.numbers(count) else { return nil }
      return numbers.map { Int(clamping: $0) }
    }
    guard let layout = message.number(), let externalFiles = message.integer(),
      let hasSpace = message.number(), let extents = list(&message),
      let typeClass = message.number(), let size = message.integer(),
      let precision = message.integer(), let isSigned = message.number(),
      let isPlain = message.number(), let exponent = message.integer(),
      let mantissa = message.integer(), let storedBytes = message.integer(),
      let filters = list(&message), let chunk = list(&message), let offset = message.integer()
    else { return nil }
    self.layout = H5D_layout_t(rawValue: Int32(truncatingIfNeeded: layout))
    self.externalFiles = externalFiles
    self.hasSpace = hasSpace != 0
    (self.extents, elementSize, self.storedBytes) = (extents, size, storedBytes)
    (self.filters, self.chunk, self.offset) = (filters, chunk, offset)
    self.isPlain = isPlain != 0
    elementType = Self.elementType(
      H5T_class_t(rawValue: Int32(truncatingIfNeeded: typeClass)), size: size,
      precision: precision, isSigned: isSigned != 0, exponent: exponent, mantissa: mantissa)
  }

  private static func elementType(
    _ typeClass: H5T_class_t, size: Int, precision: Int, isSigned: Bool, exponent: Int,
    mantissa: Int
  ) -> StoredElementType {
    switch typeClass {
    case H5T_FLOAT:
      switch (size, exponent, mantissa) {
      case (2, 5, 10): return .float16
      case (2, 8, 7): return .bfloat16
      case (4, 8, 23): return .float32
      case (8, 11, 52): return .float64
      default: return .other("float of \(size) bytes")
      }
    case H5T_INTEGER:
      guard [1, 2, 4, 8].contains(size), precision == 8 * size else {
        return .other("integer of \(size) bytes")
      }
      return .integer(bits: precision, signed: isSigned)
    case H5T_STRING: return .other("string")
    case H5T_COMPOUND: return .other("compound")
    case H5T_ENUM: return .other("enumeration")
    case H5T_VLEN: return .other("variable-length sequence")
    case H5T_REFERENCE: return .other("reference")
    default: return .other("unknown type")
    }
  }
}
