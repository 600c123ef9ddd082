import CHDF5

/// The HDF5 library that files are read and written with.
public enum HDF5Version {
  /// As `1.10.8`. The library itself refuses to run with the headers of another version.
  public static let text = String(cString: hdf5_version())
}
