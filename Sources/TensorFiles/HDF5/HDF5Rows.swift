import CHDF5
import TensorGraph

/// Datasets that grow by a row at a time, so that no more than a row of them is in memory.
extension HDF5Writer {
  /// What a row of such a dataset holds.
  public enum Row: Hashable, Sendable {
    /// 32-bit floats of this shape.
    case floats(Shape)
    /// One 32-bit integer.
    case integer
    /// Text in UTF-8 of at most so many bytes; shorter ones are filled with zero bytes.
    case text(bytes: Int)

    fileprivate var extents: [Int] {
      if case .floats(let shape) = self { shape.dimensions } else { [] }
    }

    fileprivate var byteCount: Int {
      switch self {
      case .floats(let shape): 4 * shape.count
      case .integer: 4
      case .text(let bytes): max(1, bytes)
      }
    }
  }

  /// A dataset that was begun.
  public struct Rows {
    let name: String
    let row: Row
    public fileprivate(set) var count = 0
  }

  /// Begins a dataset of no rows, [rows, …].
  /// - Throws: `CheckpointError` if it cannot be written.
  public mutating func rows(_ row: Row, as name: String) throws -> Rows {
    let components = try components(of: name)
    for depth in components.indices.dropFirst() {
      try createGroup(components[..<depth].joined(separator: "/"))
    }
    let extents = row.extents
    precondition(extents.allSatisfy { $0 > 0 } && extents.count < 32, "no rows of \(extents)")
    // Small rows many at a time, or the index would be larger than they are.
    let together = max(1, min(1024, Self.chunkBytes / row.byteCount))
    try HDF5Library.alone {
      let creation = try open(H5Pcreate(hdf5_dataset_create_class()), name)
      H5Pset_obj_track_times(creation.identifier, false)
      H5Pset_fill_time(creation.identifier, H5D_FILL_TIME_ALLOC)
      let chunk = ([together] + extents).map { hsize_t($0) }
      guard H5Pset_chunk(creation.identifier, Int32(chunk.count), chunk) >= 0 else {
        throw failure(name)
      }
      let start = ([0] + extents).map { hsize_t($0) }
      let most = [hdf5_unlimited()] + extents.map { hsize_t($0) }
      let space = try open(H5Screate_simple(Int32(start.count), start, most), name)
      let links = try utf8Links(name)
      let type = try storage(of: row, name)
      _ = try open(
        H5Dcreate2(
          file, "/" + name, type.identifier, space.identifier, links.identifier,
          creation.identifier, 0), name)
    }
    return Rows(name: name, row: row)
  }

  /// - Precondition: the dataset's rows are floats of so many elements.
  public mutating func append(_ floats: [Float], to rows: inout Rows) throws {
    guard case .floats(let shape) = rows.row, shape.count == floats.count else {
      preconditionFailure("\(floats.count) floats for a row of \(rows.row)")
    }
    try floats.withUnsafeBytes { try append($0, to: &rows) }
  }

  /// - Precondition: the dataset's rows are integers.
  public mutating func append(_ integer: Int32, to rows: inout Rows) throws {
    precondition(rows.row == .integer, "an integer for a row of \(rows.row)")
    try withUnsafeBytes(of: integer) { try append($0, to: &rows) }
  }

  /// - Precondition: the dataset's rows are texts of so many bytes.
  public mutating func append(_ text: String, to rows: inout Rows) throws {
    guard case .text(let bytes) = rows.row, text.utf8.count <= bytes else {
      preconditionFailure("\(text.utf8.count) bytes for a row of \(rows.row)")
    }
    let filled = Array(text.utf8) + [UInt8](repeating: 0, count: max(1, bytes) - text.utf8.count)
    try filled.withUnsafeBytes { try append($0, to: &rows) }
  }

  private func append(_ bytes: UnsafeRawBufferPointer, to rows: inout Rows) throws {
    let name = rows.name
    let (extents, position) = (rows.row.extents.map { hsize_t($0) }, hsize_t(rows.count))
    try HDF5Library.alone {
      let dataset = try open(H5Dopen2(file, "/" + name, 0), name)
      guard H5Dset_extent(dataset.identifier, [position + 1] + extents) >= 0 else {
        throw failure(name)
      }
      let space = try open(H5Dget_space(dataset.identifier), name)
      let start = [position] + extents.map { _ in 0 }
      let count = [1] + extents
      guard
        H5Sselect_hyperslab(space.identifier, H5S_SELECT_SET, start, nil, count, nil) >= 0
      else { throw failure(name) }
      let memory = try open(H5Screate_simple(Int32(count.count), count, nil), name)
      let type = try storage(of: rows.row, name)
      guard
        H5Dwrite(
          dataset.identifier, type.identifier, memory.identifier, space.identifier, 0,
          bytes.baseAddress) >= 0
      else { throw failure(name) }
    }
    rows.count += 1
  }

  /// In the file and, on a machine that is little-endian, in memory. Inside `HDF5Library.alone`.
  private func storage(of row: Row, _ name: String) throws -> HDF5Handle {
    switch row {
    case .floats: return try open(H5Tcopy(hdf5_file_float32()), name)
    case .integer: return try open(H5Tcopy(hdf5_file_int32()), name)
    case .text(let bytes):
      let type = try open(H5Tcopy(hdf5_c_string()), name)
      guard H5Tset_size(type.identifier, max(1, bytes)) >= 0,
        H5Tset_cset(type.identifier, H5T_CSET_UTF8) >= 0,
        H5Tset_strpad(type.identifier, H5T_STR_NULLPAD) >= 0
      else { throw failure(name) }
      return type
    }
  }

  /// Of rows that are stored together.
  private static var chunkBytes: Int { 64 << 10 }
}
