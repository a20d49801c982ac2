//! Puts the bundled recordings into the binary, so that neither demo nor simulator needs a checkout.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(&env::var_os("CARGO_MANIFEST_DIR").ok_or("no manifest folder")?)
        .join("../../tests/recordings")
        .canonicalize()?;
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut names: Vec<String> = fs::read_dir(&folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_, std::io::Error>>()?;
    names.retain(|name| name.ends_with(".gz") || name == "recordings.toml");
    names.sort();
    let mut code = String::from("/// Name and content of every bundled file.\nstatic BUNDLED: &[(&str, &[u8])] = &[\n");
    for name in names {
        let path = folder.join(&name);
        println!("cargo::rerun-if-changed={}", path.display());
        writeln!(code, "    ({name:?}, include_bytes!({:?})),", path.display().to_string())?;
    }
    code.push_str("];\n");
    let out = Path::new(&env::var_os("OUT_DIR").ok_or("no output folder")?).join("bundled.rs");
    fs::write(out, code)?;
    Ok(())
}
