//! Recipes for the servers that the book compares ours with: used if installed, named with how to
//! install them if not.
//!
//! Each serves the same 13 bytes at `/`, keeps connections without a limit and logs no request, so
//! that it does no work that ours does not do. The minimal C servers are built from the source in
//! `contrib/peers/`; they parse nothing, and show what a model costs without HTTP.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::contender::{Contender, Foreign, Ready};

const MINIMAL_SOURCE: &str = include_str!("../../contrib/peers/minimal.c");
/// Where Debian and Fedora have Apache's modules.
const APACHE_MODULES: [&str; 3] = [
    "/usr/lib/apache2/modules",
    "/usr/lib64/httpd/modules",
    "/usr/lib/httpd/modules",
];

/// Apache's multi-processing modules.
const MPMS: [&str; 3] = ["prefork", "worker", "event"];
/// Gunicorn's worker classes that its package brings along.
const CLASSES: [&str; 2] = ["sync", "gthread"];
/// What `minimal.c` takes as its first word.
const MINIMAL_MODELS: [&str; 5] = ["iterative", "fork", "prefork", "thread", "epoll"];

/// The peers that are installed, and a sentence for each that is not.
#[derive(Debug, Default)]
pub struct Peers {
    /// Ready to run.
    pub contenders: Vec<Contender>,
    /// What is missing, and how to install it.
    pub missing: Vec<String>,
}

/// Looks for all of them. `directory` is for what has to be built.
pub fn find(directory: &Path) -> Peers {
    let mut peers = Peers::default();
    peers.add(nginx());
    for mpm in MPMS {
        peers.add(apache(mpm));
    }
    for class in CLASSES {
        peers.add(gunicorn(class));
    }
    match build_minimal(directory) {
        Ok(program) => {
            let all = MINIMAL_MODELS.map(|model| minimal(&program, model));
            peers.contenders.extend(all);
        }
        Err(why) => peers.missing.push(format!("the minimal C servers: {why}")),
    }
    peers
}

/// The peer of this name, or how to install it; none if there is no recipe of that name.
/// `directory` is for what has to be built.
pub fn named(name: &str, directory: &Path) -> Option<Result<Contender, String>> {
    let (family, variant) = name.split_once('-').unwrap_or((name, ""));
    match (family, variant) {
        ("nginx", "") => Some(nginx()),
        ("apache", mpm) if MPMS.contains(&mpm) => Some(apache(mpm)),
        ("gunicorn", class) if CLASSES.contains(&class) => Some(gunicorn(class)),
        ("c", model) if MINIMAL_MODELS.contains(&model) => {
            let built = build_minimal(directory);
            let named = |why: String| format!("the minimal C servers: {why}");
            Some(built.map(|program| minimal(&program, model)).map_err(named))
        }
        _ => None,
    }
}

impl Peers {
    fn add(&mut self, recipe: Result<Contender, String>) {
        match recipe {
            Ok(contender) => self.contenders.push(contender),
            Err(missing) => self.missing.push(missing),
        }
    }
}

fn foreign(name: &str, command: &[&str], files: &[(&str, String)]) -> Contender {
    let files = files.iter().cloned();
    Contender {
        name: name.to_owned(),
        arguments: Vec::new(),
        program: None,
        foreign: Some(Foreign {
            command: command.iter().map(ToString::to_string).collect(),
            ready: Ready::Answers,
            stop: Foreign::STOP_DEFAULT.to_owned(),
            files: files
                .map(|(name, text)| (name.to_owned(), text))
                .collect::<BTreeMap<_, _>>(),
        }),
        workers_last: false,
    }
}

fn nginx() -> Result<Contender, String> {
    let program = installed(&["nginx"]).ok_or("nginx: apt install nginx-light")?;
    let config = "worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log {dir}/error.log;
events { worker_connections 8192; }
http {
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
  fastcgi_temp_path {dir}/fastcgi; uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  server {
    listen 127.0.0.1:{port} backlog=4096;
    location = / { default_type text/plain; return 200 \"Hello, World!\"; }
    location / { return 404; }
  }
}
";
    let command = [&program, "-e", "{dir}/error.log", "-c", "{dir}/nginx.conf"];
    let files = [("nginx.conf", config.to_owned())];
    Ok(foreign("nginx", &command, &files))
}

fn apache(mpm: &str) -> Result<Contender, String> {
    let missing = || format!("apache-{mpm}: apt install apache2 (or dnf install httpd)");
    let program = installed(&["apache2", "httpd"]).ok_or_else(missing)?;
    let is_there = |folder: &&str| Path::new(folder).join(format!("mod_mpm_{mpm}.so")).exists();
    let modules = APACHE_MODULES
        .into_iter()
        .find(is_there)
        .ok_or_else(missing)?;
    let pool = match mpm {
        "prefork" => {
            "StartServers 16\nMinSpareServers 5\nMaxSpareServers 64\nServerLimit 512\n\
             MaxRequestWorkers 512\n"
        }
        _ => "StartServers 2\nServerLimit 16\nThreadsPerChild 32\nMaxRequestWorkers 512\n",
    };
    // Started as root, Apache insists on another user for its children.
    let user = match nix::unistd::geteuid().is_root() {
        true => "User www-data\nGroup www-data\n",
        false => "",
    };
    let config = format!(
        "ServerRoot {{dir}}\nListen 127.0.0.1:{{port}}\nListenBacklog 4096\n\
         PidFile {{dir}}/httpd.pid\nErrorLog {{dir}}/error.log\n\
         LoadModule mpm_{mpm}_module {modules}/mod_mpm_{mpm}.so\n\
         LoadModule authz_core_module {modules}/mod_authz_core.so\n\
         LoadModule dir_module {modules}/mod_dir.so\n\
         ServerName localhost\nDocumentRoot {{dir}}\n\
         <Directory {{dir}}>\nRequire all granted\n</Directory>\n{user}\
         KeepAlive On\nMaxKeepAliveRequests 0\nDefaultRuntimeDir {{dir}}\nMutex sysvsem\n{pool}"
    );
    let command = [
        &program,
        "-d",
        "{dir}",
        "-f",
        "{dir}/httpd.conf",
        "-DFOREGROUND",
    ];
    let files = [
        ("httpd.conf", config),
        ("index.html", "Hello, World!".to_owned()),
    ];
    Ok(foreign(&format!("apache-{mpm}"), &command, &files))
}

fn gunicorn(class: &str) -> Result<Contender, String> {
    let program = installed(&["gunicorn"])
        .ok_or_else(|| format!("gunicorn-{class}: pip install gunicorn"))?;
    let application = "def app(environ, start):
    if environ['PATH_INFO'] != '/':
        start('404 Not Found', [('Content-Length', '0')])
        return [b'']
    start('200 OK', [('Content-Type', 'text/plain'), ('Content-Length', '13')])
    return [b'Hello, World!']
";
    let (workers, threads) = match class {
        "sync" => ("5", "1"),
        _ => ("2", "8"),
    };
    let command = [
        &program,
        "--chdir",
        "{dir}",
        "--bind",
        "127.0.0.1:{port}",
        "--workers",
        workers,
        "--threads",
        threads,
        "--worker-class",
        class,
        "app:app",
    ];
    let files = [("app.py", application.to_owned())];
    Ok(foreign(&format!("gunicorn-{class}"), &command, &files))
}

fn minimal(program: &Path, model: &str) -> Contender {
    let program = program.display().to_string();
    foreign(
        &format!("c-{model}"),
        &[&program, model, Foreign::PORT],
        &[],
    )
}

/// Compiles the C servers.
fn build_minimal(directory: &Path) -> Result<PathBuf, String> {
    let compiler = installed(&["cc"]).ok_or("apt install gcc")?;
    let directory = fs::canonicalize(directory).map_err(|error| error.to_string())?;
    let (source, program) = (directory.join("minimal.c"), directory.join("minimal"));
    let failed = |error: io::Error| error.to_string();
    fs::write(&source, MINIMAL_SOURCE).map_err(failed)?;
    let built = Command::new(compiler)
        .args(["-O2", "-o"])
        .args([&program, &source])
        .arg("-pthread")
        .output()
        .map_err(failed)?;
    match built.status.success() {
        true => Ok(program),
        false => Err(String::from_utf8_lossy(&built.stderr).into_owned()),
    }
}

/// The path of the first of these programs that is installed.
fn installed(names: &[&str]) -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Servers lie where only the superuser looks.
    let usual = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let folders: Vec<PathBuf> = std::env::split_paths(&path).chain(usual).collect();
    let files = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let is_program = |file: &PathBuf| {
        let mode = fs::metadata(file).map(|it| it.permissions().mode());
        file.is_file() && mode.is_ok_and(|mode| mode & 0o111 != 0)
    };
    let found = files.into_iter().find(is_program)?;
    Some(found.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_is_there_or_named_with_how_to_install_it() {
        let directory = tempfile::tempdir().unwrap();
        let peers = find(directory.path());
        let minimal = peers
            .contenders
            .iter()
            .filter(|it| it.name.starts_with("c-"));
        let told = peers
            .missing
            .iter()
            .any(|it| it.starts_with("the minimal C"));
        assert_eq!(minimal.count(), if told { 0 } else { 5 });
        let others = peers
            .contenders
            .iter()
            .filter(|it| !it.name.starts_with("c-"));
        let missing = peers
            .missing
            .iter()
            .filter(|it| !it.starts_with("the minimal C"));
        assert_eq!(others.count() + missing.clone().count(), 6);
        for sentence in missing {
            assert!(sentence.contains(" install "), "{sentence}");
        }
    }

    #[test]
    fn each_recipe_is_found_by_the_name_that_its_row_has() {
        let directory = tempfile::tempdir().unwrap();
        for contender in find(directory.path()).contenders {
            let found = named(&contender.name, directory.path()).unwrap().unwrap();
            assert_eq!(found, contender);
        }
        assert_eq!(named("apache", directory.path()), None);
        assert_eq!(named("apache-itk", directory.path()), None);
    }

    #[test]
    fn a_program_that_is_nowhere_is_not_installed() {
        assert_eq!(installed(&["no-such-program-anywhere"]), None);
        assert!(installed(&["no-such-program-anywhere", "sh"]).is_some());
    }
}
